#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "apiserver/api/registry.h"

namespace slipway::apiserver {

/// One webhook of a MutatingWebhookConfiguration or ValidatingWebhookConfiguration, read once.
struct Webhook {
  std::string configuration;  ///< its name
  std::string name;
  json::object client;  ///< clientConfig
  json::array rules;
  bool ignores_failure = false;  ///< failurePolicy: Ignore
  bool exact = false;            ///< matchPolicy: Exact
  bool reinvoked = false;        ///< reinvocationPolicy: IfNeeded
  bool safe_in_dry_run = false;  ///< sideEffects: None or NoneOnDryRun
  std::string review_version;    ///< "v1" or "v1beta1"; "": none that is spoken here
  std::chrono::seconds timeout{10};
  json::object namespace_selector;  ///< empty: all
  json::object object_selector;
};
using WebhookPtr = std::shared_ptr<const Webhook>;

/// The webhooks of all configurations of one kind, in the order in which they are asked: by the configuration's name.
/// Looks at the stored configurations each time and reads only what changed. Loop thread only.
class WebhookList {
 public:
  WebhookList(Store& store, std::string table) : store_(store), table_(std::move(table)) {}
  const std::vector<WebhookPtr>& all();

 private:
  Store& store_;
  std::string table_;
  std::vector<StoredPtr> seen_;
  std::vector<WebhookPtr> hooks_;
};

/// The version of the request's kind that the webhook is asked about: the request's own, another one of the same
/// objects (matchPolicy Equivalent), or null when the webhook is not concerned.
KindPtr matchWebhook(const Webhook& hook, const AdmissionRequest& request, const Kinds& kinds, Store& store);

}  // namespace slipway::apiserver
