#include "json/document.h"
#include "schema/formats.h"
#include "schema/validation_kinds.h"

namespace slipway::schema {
namespace {

using json::object;

constexpr size_t kMostText = 128;
constexpr size_t kMostNote = 1024;

/// What both groups ask for. The words are those of the core group, but for the controller.
void checkEvent(const Check& root, bool events_group) {
  const Check about = root.child(events_group ? "regarding" : "involvedObject");
  const std::string_view ns = root.child("metadata").text("namespace"), of_object = about.text("namespace");
  bool fits = of_object.empty() ? ns == "default" || ns == "kube-system" || ns.empty() : of_object == ns;
  if (!fits) root.invalidAt("involvedObject.namespace", of_object, "does not match event.namespace");
  if (root.text("eventTime").empty()) return;
  const std::string_view controller = events_group ? "reportingController" : "reportingComponent";
  if (root.text(controller).empty()) root.required(controller);
  for (const std::string& problem : qualifiedName(root.text(controller))) root.invalid(controller, problem);
  for (std::string_view key : {"reportingInstance", "action", "reason"}) {
    if (root.text(key).empty()) root.required(key);
    if (root.text(key).size() > kMostText) {
      root.invalidAt(std::string(key), "", fmt::format("can have at most {} characters", kMostText));
    }
  }
  if (root.text(events_group ? "note" : "message").size() > kMostNote) {
    root.invalidAt("message", "", fmt::format("can have at most {} characters", kMostNote));
  }
}

bool ofEventsGroup(const Check& root) {
  return root.text("apiVersion") == "events.k8s.io/v1";
}

void checkSeries(const Check& root) {
  const Check series = root.child("series");
  if (!series.present()) return;
  if (series.number("count").value_or(0) < 2) root.invalidAt("series.count", "", "should be at least 2");
  if (series.text("lastObservedTime").empty()) series.required("lastObservedTime");
}

void createEvent(const Check& root) {
  const bool strict = ofEventsGroup(root);
  checkEvent(root, strict);
  if (!strict) return;
  root.child("metadata").format("name", dnsSubdomain);
  checkSeries(root);
  if (root.text("eventTime").empty()) root.required("eventTime");
  const std::string_view type = root.text("type");
  if (type != "Normal" && type != "Warning") {
    root.invalidAt("type", "", fmt::format("has invalid value: {}", type));
  }
  for (std::string_view key : {"firstTimestamp", "lastTimestamp", "count", "source"}) {
    const std::string old = fmt::format("deprecated{}{}", static_cast<char>(key[0] & ~0x20), key.substr(1));
    const bool set = root.has(old) && root.number(old).value_or(1) != 0 && root.count(old) + root.text(old).size() > 0;
    if (set || root.number(old).value_or(0) != 0) root.invalidAt(std::string(key), "", "needs to be unset");
  }
}

void updateEvent(const Check& root, const object& old) {
  if (!ofEventsGroup(root)) return checkEvent(root, false);
  checkEvent(root, true);
  if (json::find(old, {"series"}) != nullptr || root.has("series")) checkSeries(root);
  for (std::string_view key : {"regarding", "reason", "note", "type", "eventTime", "action", "related",
                               "reportingController", "reportingInstance"}) {
    checkImmutable(root, old, {key});
  }
}

constexpr std::array kEventRules = {KindRules{"Event", createEvent, updateEvent, When::Alone}};

}  // namespace

std::span<const KindRules> eventRules() {
  return kEventRules;
}

}  // namespace slipway::schema
