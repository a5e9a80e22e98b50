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
  const Check scheduling = root.child("scheduling");
  checkLabels(scheduling, "nodeSelector");
  checkTolerations(scheduling);
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

void createFlowSchema(const Check& root) {
  constexpr int64_t kMostPrecedence = 10000;
  const Check spec = root.child("spec");
  const int64_t precedence = spec.number("matchingPrecedence").value_or(0);
  const auto refuse = [&](std::string_view words) { spec.invalidAt("spec.matchingPrecedence", precedence, words); };
  if (precedence <= 0) refuse("must be a positive value");
  if (precedence > kMostPrecedence) refuse(fmt::format("must not be greater than {}", kMostPrecedence));
  if (precedence == 1 && root.child("metadata").text("name") != "exempt") {
    refuse("only the schema named 'exempt' may have matchingPrecedence 1");
  }
  const Check method = spec.child("distinguisherMethod");
  method.oneOf("type", {"ByNamespace", "ByUser"}, method.present());
  const Check level = spec.child("priorityLevelConfiguration");
  if (level.text("name").empty()) level.required("name", "must reference a priority level");
  level.format("name", dnsSubdomain);
}

void createPriorityLevel(const Check& root) {
  const Check spec = root.child("spec");
  const bool exempt = root.child("metadata").text("name") == "exempt";
  const std::string_view type = spec.text("type");
  if (exempt != (type == "Exempt")) spec.invalid("type", "must be 'Exempt' if and only if `name` is 'exempt'");
  if (type == "Exempt") {
    if (spec.has("limited")) spec.forbidden("limited", "must be nil if the type is not Limited");
  } else if (type == "Limited") {
    if (spec.has("exempt")) spec.forbidden("exempt", "must be nil if the type is Limited");
    if (!spec.has("limited")) spec.required("limited", "must not be empty when type is Limited");
  } else {
    spec.notSupportedAt("spec.type", type, {"Exempt", "Limited"});
  }
}

void createApiService(const Check& root) {
  const Check spec = root.child("spec"), metadata = root.child("metadata");
  const std::string_view group = spec.text("group"), version = spec.text("version");
  const std::string wanted = fmt::format("{}.{}", version, group);
  if (metadata.text("name") != wanted) {
    metadata.invalid("name", fmt::format("must be `spec.version+\".\"+spec.group`: {:?}", wanted));
  }
  if (group.empty() && version != "v1") {
    spec.required("group", "only v1 may have an empty group and it better be legacy kube");
  }
  spec.format("group", dnsSubdomain);
  for (const std::string& problem : dns1035Label(version)) spec.invalidAt("spec.version", version, problem);
  for (const auto& [key, most] : {std::pair{"groupPriorityMinimum", 20000}, std::pair{"versionPriority", 1000}}) {
    const int64_t given = spec.number(key).value_or(0);
    if (given > 0 && given <= most) continue;
    spec.invalidAt(spec.path(key), given, fmt::format("must be positive and less than {}", most));
  }
}

void statusOfDisruptionBudget(const Check& root, const object&) {
  checkCounters(root.child("status"), {"disruptionsAllowed", "currentHealthy", "desiredHealthy", "expectedPods"});
}

constexpr std::array kPolicyRules = {
    KindRules{"PodDisruptionBudget", createDisruptionBudget, nullptr, When::After, statusOfDisruptionBudget},
    KindRules{"PriorityClass", createPriorityClass, updatePriorityClass},
    KindRules{"RuntimeClass", createRuntimeClass, updateRuntimeClass},
    KindRules{"FlowSchema", createFlowSchema},
    KindRules{"PriorityLevelConfiguration", createPriorityLevel},
    KindRules{"APIService", createApiService},
};

}  // namespace

std::span<const KindRules> policyRules() {
  return kPolicyRules;
}

}  // namespace slipway::schema
