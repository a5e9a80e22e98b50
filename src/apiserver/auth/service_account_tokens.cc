#include "apiserver/auth/service_account_tokens.h"

#include <algorithm>

#include "base/strings.h"
#include "json/document.h"

namespace slipway::apiserver {
namespace {

constexpr const char* kPrivateClaims = "kubernetes.io";
// Of the tokens in Secrets, which are older than bound ones and have claims of their own.
constexpr std::string_view kSecretIssuer = "kubernetes/serviceaccount";
constexpr const char* kSecretNamespace = "kubernetes.io/serviceaccount/namespace";
constexpr const char* kSecretName = "kubernetes.io/serviceaccount/secret.name";
constexpr const char* kSecretAccount = "kubernetes.io/serviceaccount/service-account.name";
constexpr const char* kSecretAccountUid = "kubernetes.io/serviceaccount/service-account.uid";

int64_t seconds(WallTime time) {
  return std::chrono::duration_cast<std::chrono::seconds>(time.time_since_epoch()).count();
}

json::object reference(const std::string& name, const std::string& uid) {
  return {{"name", name}, {"uid", uid}};
}

tl::unexpected<Error> refused(std::string_view why) {
  return failure(Code::Unauthorized, "service account token: {}", why);
}

std::vector<std::string> audiencesOf(const json::object& claims) {
  std::vector<std::string> all;
  const json::value* found = claims.if_contains("aud");
  if (found != nullptr && found->is_string()) all.emplace_back(found->get_string());
  if (found != nullptr && found->is_array()) {
    for (const json::value& entry : found->get_array()) {
      if (entry.is_string()) all.emplace_back(entry.get_string());
    }
  }
  return all;
}

void addExtra(User& user, const json::object& bound, std::string_view what) {
  const std::string name(json::text(bound, {what, "name"}));
  if (name.empty()) return;
  user.extra[fmt::format("authentication.kubernetes.io/{}-name", what)] = {name};
  const std::string uid(json::text(bound, {what, "uid"}));
  if (!uid.empty()) user.extra[fmt::format("authentication.kubernetes.io/{}-uid", what)] = {uid};
}

}  // namespace

ServiceAccountTokens::ServiceAccountTokens(pki::PrivateKey key, std::string issuer, Store& store, const Clock& clock,
                                           Random& random)
    : key_(std::move(key)), issuer_(std::move(issuer)), store_(store), clock_(clock), random_(random) {
  key_id_ = pki::keyIdOf(key_.publicKey());
}

Result<IssuedToken> ServiceAccountTokens::issue(const TokenWish& wish) {
  const WallTime now = clock_.now();
  const WallTime expires = now + std::chrono::seconds(wish.seconds);
  json::object bound{{"namespace", wish.ns}, {"serviceaccount", reference(wish.account, wish.account_uid)}};
  if (wish.bound_kind == "Pod") {
    bound["pod"] = reference(wish.bound_name, wish.bound_uid);
    if (!wish.node_name.empty()) bound["node"] = reference(wish.node_name, wish.node_uid);
  } else if (wish.bound_kind == "Secret") {
    bound["secret"] = reference(wish.bound_name, wish.bound_uid);
  } else if (wish.bound_kind == "Node") {
    bound["node"] = reference(wish.bound_name, wish.bound_uid);
  }
  json::array audiences(wish.audiences.begin(), wish.audiences.end());
  if (audiences.empty()) audiences.emplace_back(issuer_);
  const json::object claims{{"aud", std::move(audiences)}, {"exp", seconds(expires)},
                            {"iat", seconds(now)},         {"iss", issuer_},
                            {"jti", random_.uuid()},       {kPrivateClaims, std::move(bound)},
                            {"nbf", seconds(now)},         {"sub", serviceAccountUser(wish.ns, wish.account)}};
  TRY(std::string token, pki::signJwt(key_, key_id_, claims));
  return IssuedToken{std::move(token), expires};
}

Result<std::string> ServiceAccountTokens::issueForSecret(const TokenWish& wish) {
  const json::object claims{{"iss", kSecretIssuer},
                            {kSecretNamespace, wish.ns},
                            {kSecretName, wish.bound_name},
                            {kSecretAccount, wish.account},
                            {kSecretAccountUid, wish.account_uid},
                            {"sub", serviceAccountUser(wish.ns, wish.account)}};
  return pki::signJwt(key_, key_id_, claims);
}

Result<TokenOwner> ServiceAccountTokens::verifyOfSecret(const json::object& claims, const std::string& token,
                                                        const std::vector<std::string>& audiences) const {
  if (!audiences.empty() && std::ranges::find(audiences, issuer_) == audiences.end())
    return refused("token audiences are not for this server");
  const std::string ns(json::text(claims, {kSecretNamespace}));
  const std::string account(json::text(claims, {kSecretAccount}));
  const std::string uid(json::text(claims, {kSecretAccountUid}));
  TRY_STATUS(checkObject("core/serviceaccounts", ns + "/" + account, uid));
  const std::string key = fmt::format("{}/{}", ns, json::text(claims, {kSecretName}));
  const StoredPtr stored = store_.table("core/secrets").find(key);
  if (!stored) return refused(fmt::format("secret {} is gone", key));
  const json::value secret = json::parse(stored->bytes);
  const Result<std::string> held = base64Decode(json::text(secret.as_object(), {"data", "token"}));
  if (!held || *held != token) return refused(fmt::format("secret {} holds another token", key));
  if (!json::text(secret.as_object(), {"metadata", "deletionTimestamp"}).empty())
    return refused(fmt::format("secret {} is going", key));
  TokenOwner owner;
  owner.audiences = {issuer_};
  owner.user.name = serviceAccountUser(ns, account);
  owner.user.uid = uid;
  owner.user.groups = serviceAccountGroups(ns);
  return owner;
}

Result<TokenOwner> ServiceAccountTokens::verify(const std::string& token, const std::vector<std::string>& audiences) {
  TRY(const pki::Jwt jwt, pki::parseJwt(token));
  const bool of_secret = json::text(jwt.claims, {"iss"}) == kSecretIssuer;
  if (!of_secret && json::text(jwt.claims, {"iss"}) != issuer_) return refused("another issuer");
  TRY_STATUS(pki::verifyJwt(jwt, key_.publicKey()));
  if (of_secret) return verifyOfSecret(jwt.claims, token, audiences);
  const int64_t now = seconds(clock_.now());
  // One minute of grace for nbf, none for exp, as clocks are one here.
  if (json::findInt(jwt.claims, {"exp"}).value_or(0) <= now) return refused("token has expired");
  if (json::findInt(jwt.claims, {"nbf"}).value_or(0) > now + 60) return refused("token is not valid yet");

  TokenOwner owner;
  const std::vector<std::string> wanted = audiences.empty() ? std::vector<std::string>{issuer_} : audiences;
  for (const std::string& mine : audiencesOf(jwt.claims)) {
    if (std::find(wanted.begin(), wanted.end(), mine) != wanted.end()) owner.audiences.push_back(mine);
  }
  if (owner.audiences.empty()) return refused("token audiences are not for this server");

  const json::object* bound = json::findObject(jwt.claims, {kPrivateClaims});
  if (bound == nullptr) return refused("no kubernetes.io claims");
  TRY_STATUS(checkAlive(*bound));
  const std::string_view ns = json::text(*bound, {"namespace"});
  const std::string_view name = json::text(*bound, {"serviceaccount", "name"});
  owner.user.name = serviceAccountUser(ns, name);
  owner.user.uid = json::text(*bound, {"serviceaccount", "uid"});
  owner.user.groups = serviceAccountGroups(ns);
  owner.user.extra["authentication.kubernetes.io/credential-id"] = {
      fmt::format("JTI={}", json::text(jwt.claims, {"jti"}))};
  addExtra(owner.user, *bound, "pod");
  addExtra(owner.user, *bound, "node");
  return owner;
}

Status ServiceAccountTokens::checkAlive(const json::object& bound) const {
  const std::string ns(json::text(bound, {"namespace"}));
  const std::string name(json::text(bound, {"serviceaccount", "name"}));
  TRY_STATUS(checkObject("core/serviceaccounts", ns + "/" + name, json::text(bound, {"serviceaccount", "uid"})));
  if (const std::string_view pod = json::text(bound, {"pod", "name"}); !pod.empty()) {
    TRY_STATUS(checkObject("core/pods", fmt::format("{}/{}", ns, pod), json::text(bound, {"pod", "uid"})));
  }
  if (const std::string_view secret = json::text(bound, {"secret", "name"}); !secret.empty()) {
    TRY_STATUS(checkObject("core/secrets", fmt::format("{}/{}", ns, secret), json::text(bound, {"secret", "uid"})));
  }
  const std::string_view node = json::text(bound, {"node", "name"});
  if (!node.empty() && !bound.contains("pod")) {
    TRY_STATUS(checkObject("core/nodes", std::string(node), json::text(bound, {"node", "uid"})));
  }
  return {};
}

Status ServiceAccountTokens::checkObject(const std::string& table, const std::string& key, std::string_view uid) const {
  const StoredPtr stored = store_.table(table).find(key);
  if (!stored) return refused(fmt::format("{} {} is gone", table, key));
  const json::value object = json::parse(stored->bytes);
  const std::string_view now = json::text(object.as_object(), {"metadata", "uid"});
  if (now != uid) return refused(fmt::format("{} {} is another one by now", table, key));
  return {};
}

Result<json::object> ServiceAccountTokens::keySet() const {
  TRY(json::object key, pki::jwkOf(key_.publicKey(), key_id_));
  return json::object{{"keys", json::array{std::move(key)}}};
}

}  // namespace slipway::apiserver
