#include "json/document.h"
#include "schema/formats.h"
#include "schema/quantity.h"
#include "schema/validation_kinds.h"

namespace slipway::schema {
namespace {

using json::object;

constexpr int64_t kLongestWindow = 3600;
constexpr int64_t kLongestPeriod = 1800;

/// Only a core kind may do without a group, and only where it is what is scaled.
void checkTarget(const Check& reference, bool scaled) {
  for (std::string_view key : {"kind", "name"}) {
    if (reference.text(key).empty()) reference.required(key);
    reference.format(key, pathSegment);
  }
  const std::string_view version = reference.text("apiVersion"), kind = reference.text("kind");
  if (scaled && version.find('/') == std::string_view::npos && kind != "ReplicationController") {
    reference.invalidAt(reference.path("apiVersion"), version, "apiVersion must specify API group");
  }
}

void checkMetricTarget(const Check& target) {
  const std::string_view type = target.text("type");
  if (type.empty()) target.required("type", "must specify a metric target type");
  if (type != "Utilization" && type != "Value" && type != "AverageValue") {
    target.invalidAt(target.path("type"), type, "must be either Utilization, Value, or AverageValue");
  }
  for (std::string_view key : {"value", "averageValue"}) {
    Result<Quantity> amount = Quantity::parse(target.text(key));
    if (target.has(key) && amount && amount->sign() <= 0) target.invalid(key, "must be positive");
  }
  if (target.number("averageUtilization").value_or(1) < 1) {
    target.invalid("averageUtilization", "must be greater than 0");
  }
}

void checkMetricName(const Check& source) {
  const Check metric = source.child("metric");
  if (metric.text("name").empty()) metric.required("name", "must specify a metric name");
  metric.format("name", pathSegment);
}

void checkResourceSource(const Check& source, bool container) {
  if (source.text("name").empty()) source.required("name", "must specify a resource name");
  if (container && source.text("container").empty()) source.required("container", "must specify a container");
  if (container) source.format("container", dnsLabel);
  const Check target = source.child("target");
  checkMetricTarget(target);
  const bool share = target.has("averageUtilization"), amount = target.has("averageValue");
  if (!share && !amount) {
    target.required("averageUtilization", "must set either a target raw value or a target utilization");
  } else if (share && amount) {
    target.forbidden("averageValue", "may not set both a target raw value and a target utilization");
  }
}

void checkSource(const Check& source, std::string_view kind) {
  if (kind == "resource" || kind == "containerResource") return checkResourceSource(source, kind != "resource");
  if (kind == "object") checkTarget(source.child("describedObject"), false);
  checkMetricName(source);
  const Check target = source.child("target");
  checkMetricTarget(target);
  const bool value = target.has("value"), average = target.has("averageValue");
  if (kind == "pods") {
    if (!average) target.required("averageValue", "must specify a positive target averageValue");
  } else if (!value && !average) {
    target.required("averageValue", kind == "object" ? "must set either a target value or averageValue"
                                                     : "must set either a target value for metric or a per-pod target");
  } else if (value && average && kind == "external") {
    target.forbidden("value", "may not set both a target value for metric and a per-pod target");
  }
}

void checkMetric(const Check& metric) {
  const std::string_view type = metric.text("type");
  if (type.empty()) metric.required("type", "must specify a metric source type");
  const auto unknown = [&] {
    metric.notSupportedAt(metric.path("type"), type, {"ContainerResource", "External", "Object", "Pods", "Resource"});
  };
  constexpr std::array kSources = {std::pair{"Object", "object"}, std::pair{"External", "external"},
                                   std::pair{"Pods", "pods"}, std::pair{"Resource", "resource"},
                                   std::pair{"ContainerResource", "containerResource"}};
  const auto wanted = std::ranges::find(kSources, type, [](const auto& one) { return std::string_view(one.first); });
  if (wanted == kSources.end()) unknown();
  bool first = true;
  for (const auto& [name, key] : kSources) {
    const Check source = metric.child(key);
    if (source.present() && std::exchange(first, false)) checkSource(source, key);
  }
  if (wanted == kSources.end()) return unknown();
  if (!metric.has(wanted->second)) {
    metric.required(wanted->second, "must populate information for the given metric source");
  }
  for (const auto& [name, key] : kSources) {
    if (key == wanted->second || !metric.has(key)) continue;
    metric.forbidden(key, "must populate the given metric source only");
  }
}

void checkScaling(const Check& rules) {
  if (!rules.present()) return;
  const int64_t window = rules.number("stabilizationWindowSeconds").value_or(0);
  if (window < 0) rules.invalid("stabilizationWindowSeconds", "must be greater than or equal to zero");
  if (window > kLongestWindow) {
    rules.invalid("stabilizationWindowSeconds", fmt::format("must be less than or equal to {}", kLongestWindow));
  }
  rules.oneOf("selectPolicy", {"Disabled", "Max", "Min"});
  if (rules.count("policies") == 0) rules.required("policies", "must specify at least one Policy");
  rules.list("policies", [](const Check& policy) {
    const std::string_view type = policy.text("type");
    if (type != "Pods" && type != "Percent") policy.notSupportedAt(policy.path("type"), type, {"Percent", "Pods"});
    for (std::string_view key : {"value", "periodSeconds"}) {
      const int64_t given = policy.number(key).value_or(0);
      if (given <= 0) policy.invalidAt(policy.path(key), given, "must be greater than zero");
    }
    if (policy.number("periodSeconds").value_or(0) > kLongestPeriod) {
      policy.invalid("periodSeconds", fmt::format("must be less than or equal to {}", kLongestPeriod));
    }
  });
}

void createAutoscaler(const Check& root) {
  // The first version has the target of the CPU in a field, and checks it where the second has it.
  const bool first = root.text("apiVersion") == "autoscaling/v1";
  Check spec = root.child("spec");
  int64_t most = spec.number("maxReplicas").value_or(0);
  std::optional<int64_t> least = spec.number("minReplicas");
  if (least && *least < 1) spec.invalid("minReplicas", "must be greater than or equal to 1");
  if (most == 0) spec.required("maxReplicas", "must be set and greater than 0");
  if (most < 0) spec.invalid("maxReplicas", "must be greater than or equal to 1");
  if (least && most < *least) {
    spec.invalidAt("spec.maxReplicas", most, "must be greater than or equal to `minReplicas`");
  }
  checkTarget(spec.child("scaleTargetRef"), true);
  bool outside = false;
  spec.list("metrics", [&](const Check& metric) {
    checkMetric(metric);
    outside = outside || metric.text("type") == "Object" || metric.text("type") == "External";
  });
  if (const auto percent = spec.number("targetCPUUtilizationPercentage"); first && percent && *percent < 1) {
    spec.invalidAt("spec.metrics[0].resource.target.averageUtilization", *percent, "must be greater than 0");
  }
  if (least && *least == 0 && !outside) {
    spec.forbidden("metrics",
                   "must specify at least one Object or External metric to support scaling to zero replicas");
  }
  const Check behavior = spec.child("behavior");
  checkScaling(behavior.child("scaleUp"));
  checkScaling(behavior.child("scaleDown"));
}

void statusOfAutoscaler(const Check& root, const object&) {
  checkCounters(root.child("status"), {"currentReplicas", "desiredReplicas"});
}

constexpr std::array kAutoscalerRules = {
    KindRules{"HorizontalPodAutoscaler", createAutoscaler, nullptr, When::After, statusOfAutoscaler}};

}  // namespace

std::span<const KindRules> autoscalerRules() {
  return kAutoscalerRules;
}

}  // namespace slipway::schema
