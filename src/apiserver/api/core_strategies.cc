#include "apiserver/api/object_meta.h"
#include "apiserver/api/strategies.h"
#include "base/strings.h"

namespace slipway::apiserver {
namespace {

Done preparePod(json::object& pod, StrategyContext&) {
  pod["status"] = json::object{{"phase", "Pending"}, {"qosClass", qosClassOf(pod)}};
  const json::array* gates = json::findArray(pod, {"spec", "schedulingGates"});
  if (gates != nullptr && !gates->empty()) {
    pod["status"].as_object()["conditions"] =
        json::array{json::object{{"type", "PodScheduled"},
                                 {"status", "False"},
                                 {"lastProbeTime", nullptr},
                                 {"lastTransitionTime", nullptr},
                                 {"reason", "SchedulingGated"},
                                 {"message", "Scheduling is blocked due to non-empty scheduling gates"}}};
  }
  return {};
}

Done keepPodStatus(json::object& pod, const json::object& old, std::string_view subresource, StrategyContext&) {
  if (subresource != "status") return {};
  // A kubelet that is behind must not bring a finished deletion back.
  json::object& status = json::ensureObject(pod, "status");
  if (!status.contains("qosClass")) status["qosClass"] = qosClassOf(old);
  return {};
}

Done prepareNamespace(json::object& ns, StrategyContext&) {
  json::object& spec = json::ensureObject(ns, "spec");
  json::value& finalizers = spec["finalizers"];
  if (!finalizers.is_array()) finalizers = json::array();
  json::array& list = finalizers.get_array();
  const bool there = std::any_of(list.begin(), list.end(), [](const json::value& v) { return v == "kubernetes"; });
  if (!there) list.emplace_back("kubernetes");
  json::ensureObject(meta::of(ns), "labels")["kubernetes.io/metadata.name"] = meta::name(ns);
  return {};
}

Done keepNamespaceSpec(json::object& ns, const json::object& old, std::string_view subresource, StrategyContext&) {
  if (subresource != "finalize") {
    if (const json::value* spec = old.if_contains("spec")) ns["spec"] = *spec;
  }
  json::ensureObject(meta::of(ns), "labels")["kubernetes.io/metadata.name"] = meta::name(ns);
  return {};
}

Done prepareSecret(json::object& secret, StrategyContext&) {
  // stringData is write-only: it ends up in data.
  const json::object* plain = json::findObject(secret, {"stringData"});
  if (plain == nullptr) return {};
  json::object& data = json::ensureObject(secret, "data");
  for (const auto& [key, value] : *plain) {
    if (value.is_string()) data[key] = base64Encode(value.get_string());
  }
  json::removeKey(secret, "stringData");
  return {};
}

Done prepareCsr(json::object& request, StrategyContext& context) {
  json::object& spec = json::ensureObject(request, "spec");
  spec["username"] = context.user;
  return {};
}

Done prepareSecretUpdate(json::object& secret, const json::object&, std::string_view, StrategyContext& context) {
  return prepareSecret(secret, context);
}

/// CPU and memory of one container: requests default to limits before this is asked.
struct Compute {
  bool any = false;
  bool guaranteed = true;
};

void look(const json::object& container, Compute& compute) {
  for (const std::string_view resource : {"cpu", "memory"}) {
    const std::string_view request = json::text(container, {"resources", "requests", resource});
    const std::string_view limit = json::text(container, {"resources", "limits", resource});
    const bool has_request = !request.empty() && request != "0";
    const bool has_limit = !limit.empty() && limit != "0";
    compute.any = compute.any || has_request || has_limit;
    if (!has_limit || (!request.empty() && request != limit)) compute.guaranteed = false;
  }
}

}  // namespace

std::string qosClassOf(const json::object& pod) {
  Compute compute;
  for (const std::string_view list : {"containers", "initContainers"}) {
    const json::array* containers = json::findArray(pod, {"spec", list});
    if (containers == nullptr) continue;
    for (const json::value& container : *containers) {
      if (container.is_object()) look(container.get_object(), compute);
    }
  }
  if (!compute.any) return "BestEffort";
  return compute.guaranteed ? "Guaranteed" : "Burstable";
}

void addCoreStrategies(Strategies& strategies) {
  Strategy& pods = strategies.at("core/pods");
  pods.prepare_create = preparePod;
  pods.prepare_update = keepPodStatus;
  pods.graceful_delete = true;

  Strategy& namespaces = strategies.at("core/namespaces");
  namespaces.prepare_create = prepareNamespace;
  namespaces.prepare_update = keepNamespaceSpec;
  namespaces.initial_status = {{"phase", "Active"}};

  strategies.at("core/nodes").keeps_status_on_create = true;
  Strategy& secrets = strategies.at("core/secrets");
  secrets.prepare_create = prepareSecret;
  secrets.prepare_update = prepareSecretUpdate;
  strategies.at("core/persistentvolumes").initial_status = {{"phase", "Pending"}};
  strategies.at("core/persistentvolumeclaims").initial_status = {{"phase", "Pending"}};
  strategies.at("core/services").initial_status = {{"loadBalancer", json::object()}};
  strategies.at("certificates.k8s.io/certificatesigningrequests").prepare_create = prepareCsr;
}

}  // namespace slipway::apiserver
