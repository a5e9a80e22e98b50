#include "apiserver/token_secret_keeper.h"

#include "apiserver/api/object_meta.h"
#include "base/log.h"
#include "base/strings.h"

namespace slipway::apiserver {
namespace {

constexpr const char* kSecrets = "core/secrets";
constexpr const char* kServiceAccounts = "core/serviceaccounts";
constexpr std::string_view kTokenType = "kubernetes.io/service-account-token";
constexpr std::string_view kAccountName = "kubernetes.io/service-account.name";
constexpr std::string_view kAccountUid = "kubernetes.io/service-account.uid";
constexpr auto kQuiet = std::chrono::seconds(60);
// A Secret often comes in the same file as its account, and before it.
constexpr auto kPatience = std::chrono::seconds(5);
constexpr size_t kSecretsAtOnce = 10000;

bool isTokenSecret(const Stored& stored) {
  if (stored.bytes.find(kTokenType) == std::string::npos) return false;
  const json::value secret = json::parse(stored.bytes);
  return json::text(secret.as_object(), {"type"}) == kTokenType;
}

}  // namespace

TokenSecretKeeper::TokenSecretKeeper(Registry& registry, ServiceAccountTokens& tokens, std::string root_certificate)
    : registry_(registry), tokens_(tokens), root_certificate_(std::move(root_certificate)) {
  seen_secrets_ = seen_accounts_ = registry_.store().revision();
  for (const auto& [key, stored] : registry_.store().table(kSecrets).objects()) {
    if (isTokenSecret(*stored)) keys_.insert(key);
  }
  dirty_ = keys_;
}

void TokenSecretKeeper::collect() {
  for (const ChangePtr& change : registry_.store().table(kSecrets).changesAfter(seen_secrets_, kSecretsAtOnce)) {
    seen_secrets_ = change->revision;
    const std::string& key = change->now->key;
    if (change->deleted) {
      keys_.erase(key);
    } else if (isTokenSecret(*change->now)) {
      keys_.insert(key);
      dirty_.insert(key);
    }
  }
  for (const ChangePtr& change :
       registry_.store().table(kServiceAccounts).changesAfter(seen_accounts_, kSecretsAtOnce)) {
    seen_accounts_ = change->revision;
    const std::string prefix = change->now->key.substr(0, change->now->key.find('/') + 1);
    for (auto at = keys_.lower_bound(prefix); at != keys_.end() && at->starts_with(prefix); ++at) dirty_.insert(*at);
  }
}

Task<void> TokenSecretKeeper::run() {
  async::Event wake;
  const Table::Subscription secrets(registry_.store().table(kSecrets), wake);
  const Table::Subscription accounts(registry_.store().table(kServiceAccounts), wake);
  while (true) {
    wake.reset();
    collect();
    const std::set<std::string> now = std::exchange(dirty_, {});
    for (const std::string& key : now) co_await reconcile(key);
    co_await wake.waitFor(dirty_.empty() ? kQuiet : kPatience);
  }
}

Task<void> TokenSecretKeeper::reconcile(std::string key) {
  const StoredPtr stored = registry_.store().table(kSecrets).find(key);
  if (!stored) co_return;
  const json::value document = json::parse(stored->bytes);
  const json::object& secret = document.as_object();
  if (meta::deleting(secret)) co_return;
  const std::string ns(meta::nameSpace(secret)), name(meta::name(secret));
  TokenWish wish;
  wish.ns = ns;
  wish.account = json::text(secret, {"metadata", "annotations", kAccountName});
  wish.bound_name = name;
  if (wish.account.empty()) co_return;
  const std::string_view known_uid = json::text(secret, {"metadata", "annotations", kAccountUid});
  const StoredPtr account = registry_.store().table(kServiceAccounts).find(fmt::format("{}/{}", ns, wish.account));
  if (account) wish.account_uid = meta::uid(json::parse(account->bytes).as_object());
  const bool is_other = account && !known_uid.empty() && known_uid != wish.account_uid;
  if (!account || is_other) {
    const Result<WallTime> made = parseTime(meta::text(secret, "creationTimestamp"));
    const bool is_young = made && registry_.clock().now() - *made < kPatience;
    if (is_young && !is_other) {
      dirty_.insert(key);
      co_return;
    }
    WriteContext writing = ownContext();
    DeletePlan plan;
    plan.uid = meta::uid(secret);
    Answer<Written> removed =
        co_await registry_.remove(registry_.kinds().find("", "v1", "secrets"), ns, name, plan, writing);
    if (!removed && removed.error().code != 404)
      log::warn("secret {}: delete, its service account is gone: {}", key, removed.error().message);
    co_return;
  }
  const bool is_full = !json::text(secret, {"data", "token"}).empty() &&
                       !json::text(secret, {"data", "ca.crt"}).empty() &&
                       !json::text(secret, {"data", "namespace"}).empty() && known_uid == wish.account_uid;
  if (!is_full) co_await fill(ns, name, std::move(wish));
}

Task<void> TokenSecretKeeper::fill(std::string ns, std::string name, TokenWish wish) {
  const Result<std::string> token = tokens_.issueForSecret(wish);
  if (!token) {
    log::error("secret {}/{}: sign a token: {}", ns, name, token.error().message);
    co_return;
  }
  Registry::Change change = [&](const json::object& live) -> Answer<json::object> {
    json::object out = live;
    json::ensureObject(meta::of(out), "annotations")[kAccountUid] = wish.account_uid;
    json::object& data = json::ensureObject(out, "data");
    const auto put = [&](std::string_view field, std::string_view text) {
      if (json::text(data, {field}).empty()) data[field] = base64Encode(text);
    };
    put("ca.crt", root_certificate_);
    put("namespace", ns);
    put("token", *token);
    return out;
  };
  WriteContext writing = ownContext();
  const KindPtr kind = registry_.kinds().find("", "v1", "secrets");
  Answer<Written> done = co_await registry_.update(kind, ns, name, change, writing);
  if (!done && done.error().code != 404) log::warn("secret {}/{}: {}", ns, name, done.error().message);
}

}  // namespace slipway::apiserver
