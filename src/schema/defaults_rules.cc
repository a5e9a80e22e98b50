#include "schema/defaults_rules.h"

#include "base/strings.h"
#include "json/document.h"
#include "schema/defaults.h"

namespace slipway::schema {
namespace {

using json::array;
using json::object;
using json::value;

void setDefault(object& document, std::string_view field, value otherwise) {
  if (!document.contains(field)) document.emplace(field, std::move(otherwise));
}

void copyMissing(object& to, const object& from) {
  for (const auto& [key, part] : from) setDefault(to, key, part);
}

template <typename Each>
void forEachObject(object& document, std::string_view list, Each each) {
  array* elements = json::findArray(document, {list});
  if (elements == nullptr) return;
  for (value& element : *elements) {
    if (object* map = element.if_object()) each(*map);
  }
}

void container(object& document) {
  if (json::text(document, {"imagePullPolicy"}).empty()) {
    document["imagePullPolicy"] = defaultPullPolicy(json::text(document, {"image"}));
  }
}

void imageVolume(object& document) {
  setDefault(document, "pullPolicy", value(defaultPullPolicy(json::text(document, {"reference"}))));
}

void volume(object& document) {
  bool has_source = std::ranges::any_of(document, [](const auto& field) { return field.key() != "name"; });
  if (!has_source) document["emptyDir"] = object();
}

void requestsFromLimits(object& container) {
  object* resources = json::findObject(container, {"resources"});
  const object* limits = resources == nullptr ? nullptr : json::findObject(*resources, {"limits"});
  if (limits == nullptr || limits->empty()) return;
  object wanted = *limits;
  copyMissing(json::ensureObject(*resources, "requests"), wanted);
}

void hostPorts(object& container) {
  forEachObject(container, "ports", [](object& port) {
    if (!json::findInt(port, {"hostPort"}).value_or(0)) port["hostPort"] = port["containerPort"];
  });
}

/// Only a Pod has these; a pod template keeps what it says.
void pod(object& document) {
  object* spec = json::findObject(document, {"spec"});
  if (spec == nullptr) return;
  bool host_network = json::isTrue(*spec, {"hostNetwork"});
  for (std::string_view list : {"containers", "initContainers"}) {
    forEachObject(*spec, list, requestsFromLimits);
    if (host_network) forEachObject(*spec, list, hostPorts);
  }
  if (const object* limits = json::findObject(*spec, {"resources", "limits"}); limits != nullptr && !limits->empty()) {
    object wanted;
    for (const auto& [name, amount] : *limits) {
      if (name == "cpu" || name == "memory" || name.starts_with("hugepages-")) wanted[name] = amount;
    }
    copyMissing(json::ensureObject(*json::findObject(*spec, {"resources"}), "requests"), wanted);
  }
  setDefault(*spec, "enableServiceLinks", true);
}

/// The name of spec.serviceAccountName that old clients read; both are kept the same.
void podSpec(object& spec) {
  std::string_view name = json::text(spec, {"serviceAccountName"});
  if (name.empty()) name = json::text(spec, {"serviceAccount"});
  if (name.empty()) return;
  std::string both(name);
  spec["serviceAccountName"] = both;
  spec["serviceAccount"] = both;
}

void replicationController(object& document) {
  object* spec = json::findObject(document, {"spec"});
  const object* labels = spec == nullptr ? nullptr : json::findObject(*spec, {"template", "metadata", "labels"});
  if (labels == nullptr || labels->empty()) return;
  object copy = *labels;
  setDefault(*spec, "selector", copy);
  setDefault(json::ensureObject(document, "metadata"), "labels", copy);
}

void service(object& document) {
  object* spec = json::findObject(document, {"spec"});
  if (spec == nullptr) return;
  setDefault(*spec, "sessionAffinity", "None");
  if (json::text(*spec, {"sessionAffinity"}) == "None") json::removeKey(*spec, "sessionAffinityConfig");
  if (json::text(*spec, {"sessionAffinity"}) == "ClientIP" &&
      !json::findInt(*spec, {"sessionAffinityConfig", "clientIP", "timeoutSeconds"})) {
    (*spec)["sessionAffinityConfig"] = {{"clientIP", {{"timeoutSeconds", 10800}}}};
  }
  setDefault(*spec, "type", "ClusterIP");
  forEachObject(*spec, "ports", [](object& port) {
    setDefault(port, "protocol", "TCP");
    const value* target = port.if_contains("targetPort");
    bool none = target == nullptr || (target->is_string() && target->get_string().empty()) ||
                (target->is_int64() && target->get_int64() == 0);
    if (none && port.contains("port")) port["targetPort"] = value(port["port"]);
  });
  std::string type(json::text(*spec, {"type"}));
  const array* external = json::findArray(*spec, {"externalIPs"});
  bool outside =
      type == "NodePort" || type == "LoadBalancer" || (type == "ClusterIP" && external && !external->empty());
  if (outside) setDefault(*spec, "externalTrafficPolicy", "Cluster");
  if (type != "ExternalName") setDefault(*spec, "internalTrafficPolicy", "Cluster");
  if (type == "LoadBalancer") {
    setDefault(*spec, "allocateLoadBalancerNodePorts", true);
    if (object* balancer = json::findObject(document, {"status", "loadBalancer"})) {
      forEachObject(*balancer, "ingress", [](object& ingress) {
        if (!json::text(ingress, {"ip"}).empty()) setDefault(ingress, "ipMode", "VIP");
      });
    }
  }
}

void nameSpace(object& document) {
  std::string name(json::text(document, {"metadata", "name"}));
  if (name.empty()) return;
  json::ensureObject(json::ensureObject(document, "metadata"), "labels")["kubernetes.io/metadata.name"] = name;
}

/// stringData is for writing only: it goes into data.
void secret(object& document) {
  const object* plain = json::findObject(document, {"stringData"});
  if (plain == nullptr) return;
  object entries = *plain;
  json::removeKey(document, "stringData");
  if (entries.empty()) return;
  object& data = json::ensureObject(document, "data");
  for (const auto& [key, part] : entries) {
    if (part.is_string()) data[key] = base64Encode(std::string_view(part.get_string()));
  }
}

void nodeStatus(object& status) {
  const object* capacity = json::findObject(status, {"capacity"});
  if (capacity == nullptr || capacity->empty() || status.contains("allocatable")) return;
  object copy = *capacity;
  status["allocatable"] = std::move(copy);
}

/// One address in a field of its own and the first of a list are the same; the field has the last word.
void oneAndMany(object& holder, std::string_view one, std::string_view many, std::string_view key) {
  const array* list = json::findArray(holder, {many});
  const bool any = list != nullptr && !list->empty();
  const auto wrap = [&](std::string_view text) { return key.empty() ? value(text) : value(object{{key, text}}); };
  const auto first = [&]() -> std::string {
    const value& at = (*list)[0];
    if (at.is_string()) return std::string(at.get_string());
    return at.is_object() ? std::string(json::text(at.get_object(), {key})) : std::string();
  };
  const std::string single(json::text(holder, {one}));
  if (single.empty() && any) {
    holder[one] = first();
  } else if (!single.empty() && (!any || first() != single)) {
    holder[many] = array{wrap(single)};
  }
}

void nodeSpec(object& spec) {
  oneAndMany(spec, "podCIDR", "podCIDRs", "");
}

void podStatus(object& status) {
  oneAndMany(status, "podIP", "podIPs", "ip");
}

void limitRangeItem(object& item) {
  if (json::text(item, {"type"}) != "Container") return;
  auto fill = [&](std::string_view to, std::string_view from) {
    const object* source = json::findObject(item, {from});
    if (source == nullptr || source->empty()) return;
    object copy = *source;
    copyMissing(json::ensureObject(item, to), copy);
  };
  fill("default", "max");
  fill("defaultRequest", "default");
  fill("defaultRequest", "min");
}

void deploymentStrategy(object& strategy) {
  if (json::text(strategy, {"type"}) != "RollingUpdate") return;
  object& rolling = json::ensureObject(strategy, "rollingUpdate");
  setDefault(rolling, "maxUnavailable", "25%");
  setDefault(rolling, "maxSurge", "25%");
}

void daemonSetStrategy(object& strategy) {
  if (json::text(strategy, {"type"}) != "RollingUpdate") return;
  object& rolling = json::ensureObject(strategy, "rollingUpdate");
  setDefault(rolling, "maxUnavailable", 1);
  setDefault(rolling, "maxSurge", 0);
}

/// The count of templates that old clients see; the server sets it.
void daemonSet(object& document) {
  object& annotations = json::ensureObject(json::ensureObject(document, "metadata"), "annotations");
  setDefault(annotations, "deprecated.daemonset.template.generation", "0");
}

void statefulSetStrategy(object& strategy) {
  if (json::text(strategy, {"type"}).empty()) {
    strategy["type"] = "RollingUpdate";
    json::ensureObject(strategy, "rollingUpdate");
  }
  object* rolling = json::findObject(strategy, {"rollingUpdate"});
  if (json::text(strategy, {"type"}) == "RollingUpdate" && rolling != nullptr) {
    setDefault(*rolling, "partition", 0);
  }
}

/// What a claim is that stands in a StatefulSet: of its own kind, and bound to nothing.
void statefulSetSpec(object& spec) {
  forEachObject(spec, "volumeClaimTemplates", [](object& claim) {
    claim["apiVersion"] = "v1";
    claim["kind"] = "PersistentVolumeClaim";
    setDefault(json::ensureObject(claim, "status"), "phase", "Pending");
  });
}

/// Of a resource claim: one device, unless something else is said.
void exactDeviceRequest(object& request) {
  if (json::text(request, {"allocationMode"}).empty()) request["allocationMode"] = "ExactCount";
  if (json::text(request, {"allocationMode"}) == "ExactCount") setDefault(request, "count", 1);
}

void jobSpec(object& spec) {
  if (!spec.contains("completions") && !spec.contains("parallelism")) spec["completions"] = 1;
  setDefault(spec, "parallelism", 1);
  setDefault(spec, "backoffLimit", spec.contains("backoffLimitPerIndex") ? INT32_MAX : 6);
  setDefault(spec, "suspend", false);
  setDefault(spec, "manualSelector", false);
  setDefault(spec, "podReplacementPolicy", spec.contains("podFailurePolicy") ? "Failed" : "TerminatingOrFailed");
}

/// A Job by itself; the template of a CronJob stays as it is.
void job(object& document) {
  object* spec = json::findObject(document, {"spec"});
  if (spec == nullptr) return;
  jobSpec(*spec);
  setDefault(*spec, "completionMode", "NonIndexed");
  const object* labels = json::findObject(*spec, {"template", "metadata", "labels"});
  if (labels == nullptr || labels->empty()) return;
  object copy = *labels;
  setDefault(json::ensureObject(document, "metadata"), "labels", std::move(copy));
}

void networkPolicySpec(object& spec) {
  if (spec.contains("policyTypes")) return;
  const array* egress = json::findArray(spec, {"egress"});
  array types = {"Ingress"};
  if (egress != nullptr && !egress->empty()) types.push_back("Egress");
  spec["policyTypes"] = std::move(types);
}

void subject(object& document) {
  std::string_view kind = json::text(document, {"kind"});
  if (kind == "User" || kind == "Group") setDefault(document, "apiGroup", "rbac.authorization.k8s.io");
}

array scalingPolicies(std::string_view text) {
  return json::parse(text).get_array();
}

void scalingBehavior(object& behavior) {
  object& up = json::ensureObject(behavior, "scaleUp");
  setDefault(up, "stabilizationWindowSeconds", 0);
  setDefault(up, "selectPolicy", "Max");
  setDefault(up, "policies", value(scalingPolicies(R"([{"type":"Pods","value":4,"periodSeconds":15},
                                 {"type":"Percent","value":100,"periodSeconds":15}])")));
  object& down = json::ensureObject(behavior, "scaleDown");
  setDefault(down, "selectPolicy", "Max");
  setDefault(down, "policies", value(scalingPolicies(R"([{"type":"Percent","value":100,"periodSeconds":15}])")));
}

void customResourceDefinition(object& document) {
  object* spec = json::findObject(document, {"spec"});
  if (spec == nullptr) return;
  std::string kind(json::text(*spec, {"names", "kind"}));
  object& names = json::ensureObject(*spec, "names");
  if (!kind.empty()) {
    std::string singular;
    for (char letter : kind)
      singular.push_back(letter >= 'A' && letter <= 'Z' ? static_cast<char>(letter | 0x20) : letter);
    setDefault(names, "singular", value(singular));
    setDefault(names, "listKind", value(kind + "List"));
  }
  object& status = json::ensureObject(document, "status");
  const array* stored = json::findArray(status, {"storedVersions"});
  if (stored != nullptr && !stored->empty()) return;
  forEachObject(*spec, "versions", [&](object& version) {
    if (json::isTrue(version, {"storage"})) status["storedVersions"] = array{value(json::text(version, {"name"}))};
  });
}

constexpr std::array kRules = {
    DefaultRule{"api.core.v1.Container", container},
    DefaultRule{"api.core.v1.EphemeralContainer", container},
    DefaultRule{"api.core.v1.ImageVolumeSource", imageVolume},
    DefaultRule{"api.core.v1.Volume", volume},
    DefaultRule{"api.core.v1.Pod", pod},
    DefaultRule{"api.core.v1.PodSpec", podSpec},
    DefaultRule{"api.core.v1.ReplicationController", replicationController},
    DefaultRule{"api.core.v1.Service", service},
    DefaultRule{"api.core.v1.Namespace", nameSpace},
    DefaultRule{"api.core.v1.Secret", secret},
    DefaultRule{"api.core.v1.NodeStatus", nodeStatus},
    DefaultRule{"api.core.v1.NodeSpec", nodeSpec},
    DefaultRule{"api.core.v1.PodStatus", podStatus},
    DefaultRule{"api.core.v1.LimitRangeItem", limitRangeItem},
    DefaultRule{"api.apps.v1.DaemonSet", daemonSet},
    DefaultRule{"api.apps.v1.DeploymentStrategy", deploymentStrategy},
    DefaultRule{"api.apps.v1.DaemonSetUpdateStrategy", daemonSetStrategy},
    DefaultRule{"api.apps.v1.StatefulSetSpec", statefulSetSpec},
    DefaultRule{"api.apps.v1.StatefulSetUpdateStrategy", statefulSetStrategy},
    DefaultRule{"api.batch.v1.Job", job},
    DefaultRule{"api.resource.v1.ExactDeviceRequest", exactDeviceRequest},
    DefaultRule{"api.resource.v1.DeviceSubRequest", exactDeviceRequest},
    DefaultRule{"api.networking.v1.NetworkPolicySpec", networkPolicySpec},
    DefaultRule{"api.rbac.v1.Subject", subject},
    DefaultRule{"api.autoscaling.v2.HorizontalPodAutoscalerBehavior", scalingBehavior},
    DefaultRule{"apiextensions-apiserver.pkg.apis.apiextensions.v1.CustomResourceDefinition", customResourceDefinition},
};

}  // namespace

std::span<const DefaultRule> defaultRules() {
  return kRules;
}

}  // namespace slipway::schema
