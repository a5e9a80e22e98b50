#include "json/document.h"
#include "schema/formats.h"
#include "schema/validation_kinds.h"

namespace slipway::schema {
namespace {

using json::object;

void createDisruptionBudget(const Check& root) {
  Check spec = root.child("spec");
  if (spec.has("minAvailable") && spec.has("maxUnavailable")) {
    object shown = {{"MinAvailable", *spec.value("minAvailable")},
                    {"Selector", nullptr},
                    {"MaxUnavailable", *spec.value("maxUnavailable")},
                    {"UnhealthyPodEvictionPolicy", nullptr}};
    if (const json::value* selector = spec.value("selector")) shown["Selector"] = *selector;
    root.invalidAt("spec", shown, "minAvailable and maxUnavailable cannot be both set");
  }
  checkIntOrPercent(spec, "minAvailable");
  checkIntOrPercent(spec, "maxUnavailable");
  checkSelector(spec, "selector");
  spec.oneOf("unhealthyPodEvictionPolicy", {"AlwaysAllow", "IfHealthyBudget"});
}

void createPriorityClass(const Check& root) {
  constexpr int64_t kHighest = 1000000000;
  std::string_view name = root.child("metadata").text("name");
  bool system = name == "system-node-critical" || name == "system-cluster-critical";
  if (name.starts_with("system-") && !system) {
    root.child("metadata")
        .forbidden("name",
                   std::string("priority class names with 'system-' prefix are reserved for system use only. error: ") +
                       std::string(name) + " is not a known system priority class");
  } else if (!system && root.number("value").value_or(0) > kHighest) {
    root.forbidden("value", "maximum allowed value of a user defined priority is 1000000000");
  }
  root.oneOf("preemptionPolicy", {"PreemptLowerPriority", "Never"});
}
void updatePriorityClass(const Check& root, const object& old) {
  if (root.number("value").value_or(0) != json::findInt(old, {"value"}).value_or(0)) {
    root.forbidden("value", "may not be changed in an update.");
  }
  checkImmutable(root, old, {"preemptionPolicy"});
}

void createRuntimeClass(const Check& root) {
  if (root.text("handler").empty()) {
    root.required("handler");
  } else {
    root.format("handler", dnsLabel);
  }
  const object* fixed = json::findObject(root.object(), {"overhead", "podFixed"});
  if (fixed == nullptr) return;
  for (const auto& [name, part] : *fixed) {
    if (!part.is_string() || !part.get_string().starts_with('-')) continue;
    root.invalidAt(fmt::format("overhead.limits[{}]", std::string_view(name)), part,
                   "must be greater than or equal to 0");
  }
}
void updateRuntimeClass(const Check& root, const object& old) {
  checkImmutable(root, old, {"handler"});
}

void createAutoscaler(const Check& root) {
  Check spec = root.child("spec");
  int64_t most = spec.number("maxReplicas").value_or(0);
  std::optional<int64_t> least = spec.number("minReplicas");
  if (least && *least < 1) spec.invalid("minReplicas", "must be greater than or equal to 1");
  if (most < 1) spec.required("maxReplicas", "must be set and greater than 0");
  if (least && most < *least) {
    spec.invalidAt("spec.maxReplicas", most, "must be greater than or equal to `minReplicas`");
  }
  Check target = spec.child("scaleTargetRef");
  for (std::string_view key : {"kind", "name"}) {
    if (target.text(key).empty()) {
      target.required(key);
    } else {
      target.format(key, pathSegment);
    }
  }
  spec.list("metrics", [](const Check& metric) {
    metric.oneOf("type", {"ContainerResource", "External", "Object", "Pods", "Resource"}, true);
  });
}

constexpr std::array kRules = {
    KindRules{"PodDisruptionBudget", createDisruptionBudget},
    KindRules{"PriorityClass", createPriorityClass, updatePriorityClass},
    KindRules{"RuntimeClass", createRuntimeClass, updateRuntimeClass},
    KindRules{"HorizontalPodAutoscaler", createAutoscaler},
};

}  // namespace

std::span<const KindRules> policyRules() {
  return kRules;
}

}  // namespace slipway::schema
