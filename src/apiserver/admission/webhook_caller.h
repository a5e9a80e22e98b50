#pragma once

#include <map>
#include <memory>

#include "apiserver/admission/webhook.h"
#include "http/client.h"

namespace slipway::apiserver {

/// What a webhook says about one request.
struct WebhookVerdict {
  bool allowed = false;
  json::object status;     ///< when it is not allowed
  json::value json_patch;  ///< null: none
  std::vector<std::string> warnings;
  std::map<std::string, std::string> audit_annotations;
};

/// Asks webhooks over HTTPS, by URL or by the endpoints of a Service, and keeps the connections. Loop thread only.
class WebhookCaller {
 public:
  WebhookCaller(Registry& registry, Random& random) : registry_(registry), random_(random) {}

  /// `as` is the version that the webhook wants to see. An error is why there is no verdict, in kube-apiserver's words
  /// after `failed calling webhook "name": `. Never longer than the webhook's timeout.
  Task<Result<WebhookVerdict>> ask(WebhookPtr hook, KindPtr as, const AdmissionRequest& request);

 private:
  Result<std::shared_ptr<http::Client>> clientOf(Executor executor, const Webhook& hook, std::string& url);
  json::object review(const Webhook& hook, const Kind& as, const AdmissionRequest& request, const std::string& uid);

  Registry& registry_;
  Random& random_;
  std::map<std::string, std::shared_ptr<http::Client>> clients_;
};

}  // namespace slipway::apiserver
