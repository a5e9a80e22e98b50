#include "controllers/token_cleaner.h"

#include "base/log.h"
#include "base/strings.h"

namespace slipway::controllers {
namespace {

constexpr const char* kTokenType = "bootstrap.kubernetes.io/token";

kube::InformerOptions tokensOnly() {
  kube::InformerOptions options;
  options.ns = "kube-system";
  options.field_selector = std::string("type=") + kTokenType;
  // The secret part of a token is of no use here.
  options.transform = [](kube::Object& secret) {
    if (auto* data = secret.if_contains("data"); data != nullptr && data->is_object()) {
      data->get_object().erase("token-secret");
    }
    return true;
  };
  return options;
}

}  // namespace

TokenCleaner::TokenCleaner(Executor executor, kube::Client& client, Random& random, const Clock& clock)
    : executor_(executor),
      client_(client),
      clock_(clock),
      tokens_(client, kube::kSecrets, tokensOnly(), random),
      loop_("token cleaner", executor, random, [this](std::string key) { return reconcile(std::move(key)); },
            {.workers = 1}) {
  loop_.addFrom(tokens_);
}

Task<void> TokenCleaner::run() {
  co_await runTogether(executor_,
                       tasksOf(task("bootstrap tokens", tokens_.run()), task("token cleaner", loop_.run({&tokens_}))));
}

Task<Result<Outcome>> TokenCleaner::reconcile(std::string key) {
  const kube::ObjectPtr secret = tokens_.get(key);
  if (secret == nullptr || kube::text(*secret, {"type"}) != kTokenType) co_return Outcome::done();
  const std::string_view encoded = kube::text(*secret, {"data", "expiration"});
  if (encoded.empty()) co_return Outcome::done();
  const Result<std::string> decoded = base64Decode(encoded);
  const Result<WallTime> expires = parseTime(decoded ? *decoded : "");
  if (expires && *expires > clock_.now()) co_return Outcome::after(*expires - clock_.now());
  kube::DeleteOptions options;
  options.uid = std::string(kube::uid(*secret));
  const std::string name(kube::name(*secret));
  const auto removed = co_await client_.remove(kube::kSecrets, "kube-system", name, std::move(options));
  if (!removed && !removed.error().is(Code::NotFound)) co_return failure(removed.error());
  log::info("secret kube-system/{}: bootstrap token expired, deleted", name);
  co_return Outcome::done();
}

}  // namespace slipway::controllers
