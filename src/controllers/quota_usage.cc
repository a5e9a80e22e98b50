#include "controllers/quota_usage.h"

#include "controllers/node_info.h"
#include "schema/quota_scope.h"

namespace slipway::controllers {
namespace {

using kube::Object;
using kube::Quantity;

constexpr std::string_view kStorageClassSuffix = ".storageclass.storage.k8s.io/";

Quantity amountOf(const std::string& name, int64_t amount) {
  if (name == "cpu") return Quantity::ofMillis(amount);
  const bool bytes = name == "memory" || name == "ephemeral-storage" || name.starts_with("hugepages-");
  return Quantity::ofValue(amount, bytes ? Quantity::Format::BinarySI : Quantity::Format::DecimalSI);
}

bool shouldBeGone(const Object& pod, WallTime now) {
  const auto deadline = parseTime(kube::text(pod, {"metadata", "deletionTimestamp"}));
  return deadline && *deadline < now;
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
    if (schema::hasOldQuotaName(name)) usage[name] = amountOf(name, amount);
  }
  const Amounts limits = Amounts::limitsOfPod(pod);
  for (const auto& [name, amount] : limits.all()) usage["limits." + name] = amountOf(name, amount);
  return usage;
}

QuotaAmounts usageOfObject(const kube::Resource& resource, const Object& object) {
  QuotaAmounts usage{{countName(resource), Quantity::ofValue(1)}};
  if (schema::hasPlainQuotaName(resource.group, resource.plural)) usage[resource.plural] = Quantity::ofValue(1);
  if (resource == kube::kServices) addTo(usage, usageOfService(object));
  if (resource == kube::kPersistentVolumeClaims) addTo(usage, usageOfClaim(object));
  return usage;
}

}  // namespace slipway::controllers
