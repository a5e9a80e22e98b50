#include "controllers/quota_usage.h"

#include <algorithm>

#include "controllers/node_info.h"

namespace slipway::controllers {
namespace {

using kube::Object;
using kube::Quantity;

constexpr std::string_view kStorageClassSuffix = ".storageclass.storage.k8s.io/";

/// The names of core kinds that are counted by their plain plural as well.
bool hasPlainName(const kube::Resource& resource) {
  static const std::vector<std::string> plain = {"configmaps",
                                                 "secrets",
                                                 "services",
                                                 "persistentvolumeclaims",
                                                 "pods",
                                                 "resourcequotas",
                                                 "replicationcontrollers"};
  return resource.group.empty() && std::find(plain.begin(), plain.end(), resource.plural) != plain.end();
}

Quantity amountOf(const std::string& name, int64_t amount) {
  if (name == "cpu") return Quantity::ofMillis(amount);
  const bool bytes = name == "memory" || name == "ephemeral-storage" || name.starts_with("hugepages-");
  return Quantity::ofValue(amount, bytes ? Quantity::Format::BinarySI : Quantity::Format::DecimalSI);
}

/// A name without a prefix counts requests, for those resources that Kubernetes had before prefixes.
bool isOld(const std::string& name) {
  return name == "cpu" || name == "memory" || name == "ephemeral-storage" || name.starts_with("hugepages-");
}

bool shouldBeGone(const Object& pod, WallTime now) {
  const auto deadline = parseTime(kube::text(pod, {"metadata", "deletionTimestamp"}));
  return deadline && *deadline < now;
}

bool isBestEffort(const Object& pod) {
  for (const char* list : {"containers", "initContainers"}) {
    for (const auto& container : kube::items(pod, {"spec", list})) {
      const auto* fields = container.if_object();
      if (fields == nullptr) continue;
      for (const char* kind : {"requests", "limits"}) {
        const Object& amounts = kube::child(*fields, {"resources", kind});
        if (amounts.contains("cpu") || amounts.contains("memory")) return false;
      }
    }
  }
  return true;
}

bool inScope(std::string_view scope, const Object& pod) {
  const bool terminating = kube::find(pod, {"spec", "activeDeadlineSeconds"}) != nullptr;
  if (scope == "Terminating") return terminating;
  if (scope == "NotTerminating") return !terminating;
  if (scope == "BestEffort") return isBestEffort(pod);
  if (scope == "NotBestEffort") return !isBestEffort(pod);
  if (scope == "PriorityClass") return !kube::text(pod, {"spec", "priorityClassName"}).empty();
  return false;
}

bool matchesScopeExpression(const Object& expression, const Object& pod) {
  const std::string_view scope = kube::text(expression, {"scopeName"});
  const std::string_view op = kube::text(expression, {"operator"});
  if (op == "DoesNotExist") return !inScope(scope, pod);
  if (op == "Exists") return inScope(scope, pod);
  if (scope != "PriorityClass") return false;
  const std::string_view mine = kube::text(pod, {"spec", "priorityClassName"});
  const auto& values = kube::items(expression, {"values"});
  const bool listed = std::any_of(values.begin(), values.end(), [&](const kube::json::value& value) {
    return value.is_string() && std::string_view(value.get_string()) == mine;
  });
  return op == "In" ? !mine.empty() && listed : op == "NotIn" && !listed;
}

QuotaAmounts usageOfService(const Object& service) {
  const std::string_view type = kube::text(service, {"spec", "type"});
  const bool balanced = type == "LoadBalancer";
  const bool ports =
      type == "NodePort" || (balanced && kube::boolean(service, {"spec", "allocateLoadBalancerNodePorts"}, true));
  const auto count = static_cast<int64_t>(kube::items(service, {"spec", "ports"}).size());
  return {{"services.loadbalancers", Quantity::ofValue(balanced ? 1 : 0)},
          {"services.nodeports", Quantity::ofValue(ports ? count : 0)}};
}

QuotaAmounts usageOfClaim(const Object& claim) {
  const auto asked = Quantity::parse(kube::text(claim, {"spec", "resources", "requests", "storage"}));
  const Quantity storage = asked ? *asked : Quantity();
  QuotaAmounts usage{{"requests.storage", storage}};
  const std::string storage_class(kube::text(claim, {"spec", "storageClassName"}));
  if (storage_class.empty()) return usage;
  const std::string prefix = storage_class + std::string(kStorageClassSuffix);
  usage[prefix + "requests.storage"] = storage;
  usage[prefix + "persistentvolumeclaims"] = Quantity::ofValue(1);
  return usage;
}

}  // namespace

void addTo(QuotaAmounts& sum, const QuotaAmounts& part) {
  for (const auto& [name, amount] : part) {
    const auto [known, is_new] = sum.try_emplace(name, amount);
    if (!is_new) known->second += amount;
  }
}

std::string countName(const kube::Resource& resource) {
  return "count/" + resource.plural + (resource.group.empty() ? "" : "." + resource.group);
}

QuotaAmounts usageOfPod(const Object& pod, WallTime now) {
  QuotaAmounts usage{{"count/pods", Quantity::ofValue(1)}};
  const std::string_view phase = kube::text(pod, {"status", "phase"});
  if (phase == "Succeeded" || phase == "Failed" || shouldBeGone(pod, now)) return usage;
  const Amounts requests = Amounts::ofPod(pod);
  for (const auto& [name, amount] : requests.all()) {
    if (name == "pods") {
      usage["pods"] = Quantity::ofValue(1);
      continue;
    }
    usage["requests." + name] = amountOf(name, amount);
    if (isOld(name)) usage[name] = amountOf(name, amount);
  }
  const Amounts limits = Amounts::limitsOfPod(pod);
  for (const auto& [name, amount] : limits.all()) usage["limits." + name] = amountOf(name, amount);
  return usage;
}

QuotaAmounts usageOfObject(const kube::Resource& resource, const Object& object) {
  QuotaAmounts usage{{countName(resource), Quantity::ofValue(1)}};
  if (hasPlainName(resource)) usage[resource.plural] = Quantity::ofValue(1);
  if (resource == kube::kServices) addTo(usage, usageOfService(object));
  if (resource == kube::kPersistentVolumeClaims) addTo(usage, usageOfClaim(object));
  return usage;
}

bool quotaCovers(const Object& quota, const Object& pod) {
  for (const auto& scope : kube::items(quota, {"spec", "scopes"})) {
    if (!scope.is_string() || !inScope(std::string_view(scope.get_string()), pod)) return false;
  }
  for (const auto& entry : kube::items(quota, {"spec", "scopeSelector", "matchExpressions"})) {
    const auto* expression = entry.if_object();
    if (expression == nullptr || !matchesScopeExpression(*expression, pod)) return false;
  }
  return true;
}

}  // namespace slipway::controllers
