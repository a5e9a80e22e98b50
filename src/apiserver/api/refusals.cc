#include "apiserver/api/strategies.h"
#include "apiserver/api/webhook_check.h"
#include "json/compare.h"
#include "json/document.h"

namespace slipway::apiserver {
namespace {

using Causes = std::vector<Cause>;

Cause notYet(std::string field, std::string_view what) {
  return {"FieldValueForbidden", fmt::format("Forbidden: {} not supported by this server yet", what), std::move(field)};
}

bool sameSpec(const json::object& object, const json::object* old) {
  if (old == nullptr) return false;
  const json::value* now = object.if_contains("spec");
  const json::value* before = old->if_contains("spec");
  return now != nullptr && before != nullptr && json::equal(*now, *before);
}

Causes refusePolicy(const json::object& object, const json::object* old, std::string_view subresource) {
  if (!subresource.empty() || sameSpec(object, old)) return {};
  return {notYet("spec", "admission policies, which are written in CEL, are")};
}

Causes refuseAggregation(const json::object& object, const json::object* old, std::string_view subresource) {
  if (!subresource.empty() || sameSpec(object, old)) return {};
  if (json::findObject(object, {"spec", "service"}) == nullptr) return {};
  return {notYet("spec.service", "API aggregation, the handing on of requests to a Service, is")};
}

}  // namespace

void addRefusals(Strategies& strategies) {
  for (const char* plural : {"validatingadmissionpolicies", "validatingadmissionpolicybindings",
                             "mutatingadmissionpolicies", "mutatingadmissionpolicybindings"}) {
    strategies.at(std::string("admissionregistration.k8s.io/") + plural).validate = refusePolicy;
  }
  strategies.at("apiregistration.k8s.io/apiservices").validate = refuseAggregation;
  for (const char* plural : {"validatingwebhookconfigurations", "mutatingwebhookconfigurations"}) {
    strategies.at(std::string("admissionregistration.k8s.io/") + plural).validate =
        [](const json::object& object, const json::object*, std::string_view) { return checkWebhooks(object); };
  }
}

}  // namespace slipway::apiserver
