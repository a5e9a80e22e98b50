#include "apiserver/api/convert.h"

#include "json/document.h"

namespace slipway::apiserver {
namespace {

void rename(json::object& object, std::string_view from, std::string_view to) {
  json::value* value = object.if_contains(from);
  if (value == nullptr) return;
  json::value moved = std::move(*value);
  json::removeKey(object, from);
  object[to] = std::move(moved);
}

struct Renaming {
  std::string_view core;
  std::string_view events;
};
constexpr Renaming kEventFields[] = {
    {"involvedObject", "regarding"},
    {"message", "note"},
    {"reportingComponent", "reportingController"},
    {"source", "deprecatedSource"},
    {"firstTimestamp", "deprecatedFirstTimestamp"},
    {"lastTimestamp", "deprecatedLastTimestamp"},
    {"count", "deprecatedCount"},
};

void eventToCore(json::object& event) {
  for (const Renaming& field : kEventFields) rename(event, field.events, field.core);
}

void eventToEvents(json::object& event) {
  for (const Renaming& field : kEventFields) rename(event, field.core, field.events);
}

/// v1 knows the CPU target only; the rest rides along in annotations, as upstream does it.
constexpr std::string_view kMetricsNote = "autoscaling.alpha.kubernetes.io/metrics";
constexpr std::string_view kBehaviorNote = "autoscaling.alpha.kubernetes.io/behavior";

bool isCpuUtilization(const json::object& metric) {
  return json::text(metric, {"type"}) == "Resource" && json::text(metric, {"resource", "name"}) == "cpu";
}

void autoscalerToV1(json::object& scaler) {
  json::object& spec = json::ensureObject(scaler, "spec");
  json::array rest;
  if (const json::array* metrics = json::findArray(spec, {"metrics"})) {
    for (const json::value& metric : *metrics) {
      const auto target = json::findInt(metric.as_object(), {"resource", "target", "averageUtilization"});
      if (isCpuUtilization(metric.as_object()) && target) {
        spec["targetCPUUtilizationPercentage"] = *target;
      } else {
        rest.push_back(metric);
      }
    }
  }
  json::removeKey(spec, "metrics");
  json::object& annotations = json::ensureObject(json::ensureObject(scaler, "metadata"), "annotations");
  if (!rest.empty()) annotations[kMetricsNote] = json::serialize(rest);
  if (const json::value* behavior = spec.if_contains("behavior")) {
    annotations[kBehaviorNote] = json::serialize(*behavior);
    json::removeKey(spec, "behavior");
  }
  if (annotations.empty()) json::removeKey(scaler["metadata"].as_object(), "annotations");
  if (json::object* status = json::findObject(scaler, {"status"})) {
    json::removeKey(*status, "currentMetrics");
    json::removeKey(*status, "conditions");
    for (const char* count : {"currentReplicas", "desiredReplicas"}) {
      if (!status->contains(count)) (*status)[count] = 0;
    }
  }
}

void autoscalerToV2(json::object& scaler) {
  json::object& spec = json::ensureObject(scaler, "spec");
  json::array metrics;
  if (const auto percent = json::findInt(spec, {"targetCPUUtilizationPercentage"})) {
    metrics.push_back(json::object{
        {"type", "Resource"},
        {"resource", {{"name", "cpu"}, {"target", {{"type", "Utilization"}, {"averageUtilization", *percent}}}}}});
    json::removeKey(spec, "targetCPUUtilizationPercentage");
  }
  if (json::object* annotations = json::findObject(scaler, {"metadata", "annotations"})) {
    const auto take = [&](std::string_view name) {
      json::error_code bad;
      json::value value = json::parse(json::text(*annotations, {name}), bad);
      json::removeKey(*annotations, name);
      return bad ? json::value() : value;
    };
    if (json::value more = take(kMetricsNote); more.is_array()) {
      for (json::value& metric : more.get_array()) metrics.push_back(std::move(metric));
    }
    if (json::value behavior = take(kBehaviorNote); behavior.is_object()) spec["behavior"] = std::move(behavior);
    if (annotations->empty()) json::removeKey(scaler["metadata"].as_object(), "annotations");
  }
  if (!metrics.empty()) spec["metrics"] = std::move(metrics);
}

}  // namespace

bool isStorageVersion(const Kind& kind) {
  const std::string_view stored = kind.storage_version;
  if (kind.group.empty()) return stored == kind.version;
  return stored.size() == kind.group.size() + 1 + kind.version.size() && stored.starts_with(kind.group) &&
         stored[kind.group.size()] == '/' && stored.ends_with(kind.version);
}

bool storedAsServed(const Kind& kind, const Stored& stored) {
  return isStorageVersion(kind) && (!kind.custom || stored.served_by == kind.rules);
}

void noteServedForm(const Kind& kind, const Stored& stored) {
  if (kind.custom && isStorageVersion(kind)) stored.served_by = kind.rules;
}

void toServed(const Kind& kind, json::object& object) {
  const std::string wanted = kind.apiVersion();
  if (kind.custom) {
    // Its definition may have changed since it was stored: what is read has today's form and defaults.
    object["apiVersion"] = wanted;
    if (kind.rules && kind.rules->normalise(object)) kind.rules->setDefaults(object);
    return;
  }
  if (json::text(object, {"apiVersion"}) == wanted) return;
  if (kind.plural == "events" && kind.group == "events.k8s.io") eventToEvents(object);
  if (kind.plural == "horizontalpodautoscalers" && kind.version == "v1" && !kind.custom) autoscalerToV1(object);
  object["apiVersion"] = wanted;
}

void toStored(const Kind& kind, json::object& object) {
  if (json::text(object, {"apiVersion"}) == kind.storage_version) return;
  if (kind.plural == "events" && kind.group == "events.k8s.io") eventToCore(object);
  if (kind.plural == "horizontalpodautoscalers" && kind.version == "v1" && !kind.custom) autoscalerToV2(object);
  object["apiVersion"] = kind.storage_version;
}

std::string servedBytes(const Kind& kind, const Stored& stored) {
  if (storedAsServed(kind, stored)) return stored.bytes;
  json::value document = json::parse(stored.bytes);
  toServed(kind, document.as_object());
  std::string bytes = json::serialize(document);
  if (bytes == stored.bytes) noteServedForm(kind, stored);
  return bytes;
}

}  // namespace slipway::apiserver
