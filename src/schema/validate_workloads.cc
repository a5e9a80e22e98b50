#include "base/strings.h"
#include "json/compare.h"
#include "json/document.h"
#include "schema/formats.h"
#include "schema/validation_kinds.h"

namespace slipway::schema {
namespace {

using json::object;
using json::value;

/// The selector, and that it selects what the template makes. `kind` is the word of the message about an empty one.
void checkOwnSelector(const Check& spec, std::string_view kind, bool says_invalid) {
  Check selector = spec.child("selector");
  const object* labels = json::findObject(spec.object(), {"template", "metadata", "labels"});
  bool fine = true;
  if (!selector.present()) {
    if (kind != "daemonset") spec.required("selector");
  } else {
    fine = checkSelector(spec, "selector");
    if (selector.count("matchLabels") + selector.count("matchExpressions") == 0) {
      spec.invalidAt(spec.path("selector"), object(), fmt::format("empty selector is invalid for {}", kind));
      return;
    }
  }
  if (!fine) {
    if (kind != "daemonset") spec.invalid("selector", says_invalid ? "invalid label selector" : "");
    return;
  }
  if (!selectorMatches(selector.object(), labels)) {
    spec.invalidAt(spec.path("template.metadata.labels"), labels == nullptr ? value() : value(*labels),
                   "`selector` does not match template `labels`");
  }
}

/// The volumes that a StatefulSet's pods get beside those of their template.
std::set<std::string_view> claimNames(const Check& spec) {
  std::set<std::string_view> names;
  spec.list("volumeClaimTemplates", [&](const Check& claim) { names.insert(claim.child("metadata").text("name")); });
  return names;
}

void checkTemplate(const Check& spec, std::string_view kind) {
  Check pod_template = spec.child("template");
  checkPodTemplate(pod_template, claimNames(spec));
  Check pod = pod_template.child("spec");
  if (pod.text("restartPolicy") == "OnFailure" || pod.text("restartPolicy") == "Never") {
    pod.notSupportedAt(pod.path("restartPolicy"), pod.text("restartPolicy"), {"Always"});
  }
  if (pod.has("activeDeadlineSeconds")) {
    pod.forbidden("activeDeadlineSeconds", fmt::format("activeDeadlineSeconds in {} is not Supported", kind));
  }
}

bool isZero(const value* part) {
  return part == nullptr || (part->is_int64() && part->get_int64() == 0) ||
         (part->is_string() && (part->get_string() == "0%" || !percent(part->get_string()).empty()));
}

void createDeployment(const Check& root) {
  Check spec = root.child("spec");
  spec.atLeast("replicas", 0);
  checkOwnSelector(spec, "deployment", true);
  checkTemplate(spec, "ReplicaSet");
  Check strategy = spec.child("strategy");
  std::string_view type = strategy.text("type");
  if (type == "Recreate") {
    if (strategy.has("rollingUpdate")) {
      strategy.forbidden("rollingUpdate", "may not be specified when strategy `type` is 'Recreate'");
    }
  } else if (type == "RollingUpdate") {
    Check rolling = strategy.child("rollingUpdate");
    checkIntOrPercent(rolling, "maxUnavailable");
    checkIntOrPercent(rolling, "maxSurge");
    if (isZero(rolling.value("maxUnavailable")) && isZero(rolling.value("maxSurge"))) {
      rolling.invalid("maxUnavailable", "may not be 0 when `maxSurge` is 0");
    }
  } else {
    object shown = {{"Type", type}, {"RollingUpdate", nullptr}};
    strategy.notSupportedAt(strategy.path(), shown, {"Recreate", "RollingUpdate"});
  }
  spec.atLeast("minReadySeconds", 0);
  spec.atLeast("revisionHistoryLimit", 0);
  if (std::optional<int64_t> deadline = spec.number("progressDeadlineSeconds")) {
    spec.atLeast("progressDeadlineSeconds", 0);
    if (*deadline <= spec.number("minReadySeconds").value_or(0)) {
      spec.invalid("progressDeadlineSeconds", "must be greater than minReadySeconds");
    }
  }
}

void createReplicaSet(const Check& root) {
  Check spec = root.child("spec");
  spec.atLeast("replicas", 0);
  spec.atLeast("minReadySeconds", 0);
  checkOwnSelector(spec, "deployment", true);
  checkTemplate(spec, "ReplicaSet");
}

void createReplicationController(const Check& root) {
  Check spec = root.child("spec");
  spec.atLeast("minReadySeconds", 0);
  const object* selector = json::findObject(spec.object(), {"selector"});
  if (selector == nullptr || selector->empty()) spec.required("selector");
  spec.atLeast("replicas", 0);
  if (!spec.has("template")) return spec.required("template");
  const object* labels = json::findObject(spec.object(), {"template", "metadata", "labels"});
  if (selector != nullptr && !selectorMatches({{"matchLabels", *selector}}, labels)) {
    spec.invalidAt(spec.path("template.metadata.labels"), labels == nullptr ? value() : value(*labels),
                   "`selector` does not match template `labels`");
  }
  checkTemplate(spec, "ReplicationController");
}

void createStatefulSet(const Check& root) {
  Check spec = root.child("spec");
  std::string_view management = spec.text("podManagementPolicy");
  if (management.empty()) {
    spec.required("podManagementPolicy");
  } else if (management != "OrderedReady" && management != "Parallel") {
    spec.invalid("podManagementPolicy", "must be 'OrderedReady' or 'Parallel'");
  }
  Check strategy = spec.child("updateStrategy");
  Check rolling = strategy.child("rollingUpdate");
  std::string_view type = strategy.text("type");
  if (type == "OnDelete") {
    if (rolling.present()) {
      object shown = {{"Partition", rolling.number("partition").value_or(0)}, {"MaxUnavailable", nullptr}};
      strategy.invalidAt(rolling.path(), shown, "only allowed for updateStrategy 'RollingUpdate'");
    }
  } else if (type == "RollingUpdate") {
    rolling.atLeast("partition", 0);
    checkIntOrPercent(rolling, "maxUnavailable");
  } else {
    object shown = {{"Type", type}, {"RollingUpdate", nullptr}};
    strategy.invalidAt(strategy.path(), shown, "must be 'RollingUpdate' or 'OnDelete'");
  }
  Check retention = spec.child("persistentVolumeClaimRetentionPolicy");
  retention.oneOf("whenDeleted", {"Retain", "Delete"}, true);
  retention.oneOf("whenScaled", {"Retain", "Delete"}, true);
  spec.atLeast("replicas", 0);
  spec.atLeast("minReadySeconds", 0);
  spec.child("ordinals").atLeast("start", 0);
  checkOwnSelector(spec, "statefulset", false);
  spec.format("serviceName", dnsLabel);
  checkTemplate(spec, "StatefulSet");
}

void createDaemonSet(const Check& root) {
  Check spec = root.child("spec");
  checkOwnSelector(spec, "daemonset", false);
  checkTemplate(spec, "DaemonSet");
  spec.atLeast("minReadySeconds", 0);
  spec.atLeast("revisionHistoryLimit", 0);
  Check strategy = spec.child("updateStrategy");
  std::string_view type = strategy.text("type");
  if (type == "OnDelete") return;
  if (type != "RollingUpdate") {
    object shown = {{"Type", type}, {"RollingUpdate", nullptr}};
    return strategy.notSupportedAt(strategy.path(), shown, {"RollingUpdate", "OnDelete"});
  }
  Check rolling = strategy.child("rollingUpdate");
  checkIntOrPercent(rolling, "maxUnavailable");
  checkIntOrPercent(rolling, "maxSurge");
  bool no_surge = isZero(rolling.value("maxSurge")), none_unavailable = isZero(rolling.value("maxUnavailable"));
  if (no_surge && none_unavailable) rolling.required("maxUnavailable", "cannot be 0 when maxSurge is 0");
  if (!no_surge && !none_unavailable) rolling.invalid("maxSurge", "may not be set when maxUnavailable is non-zero");
}

void updateSelector(const Check& root, const object& old) {
  checkImmutable(root, old, {"spec", "selector"});
}

void updateStatefulSet(const Check& root, const object& old) {
  // Everything but these is fixed.
  object before, after;
  if (const object* spec = json::findObject(old, {"spec"})) before = *spec;
  after = root.child("spec").object();
  for (std::string_view key : {"replicas", "ordinals", "template", "updateStrategy", "revisionHistoryLimit",
                               "persistentVolumeClaimRetentionPolicy", "minReadySeconds"}) {
    json::removeKey(before, key);
    json::removeKey(after, key);
  }
  if (json::equalIgnoringEmpty(value(before), value(after))) return;
  root.forbidden(
      "spec",
      "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', "
      "'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden");
}

void createControllerRevision(const Check& root) {
  root.atLeast("revision", 0);
  const value* data = root.value("data");
  if (data == nullptr || data->is_null()) {
    root.required("data", "data is mandatory");
  } else if (!data->is_object()) {
    root.required("data", "data must be a valid JSON object");
  }
}
void updateControllerRevision(const Check& root, const object& old) {
  checkImmutable(root, old, {"data"});
}

/// Counters that are not negative, and of which none is more than all.
void checkReplicas(const Check& root, std::initializer_list<std::string_view> counted,
                   std::initializer_list<std::string_view> parts, std::string_view of_ready) {
  const Check status = root.child("status");
  checkCounters(status, counted);
  const auto number = [&](std::string_view key) { return status.number(key).value_or(0); };
  for (std::string_view part : parts) {
    if (number(part) <= number("replicas")) continue;
    status.invalidAt(status.path(part), number(part), "cannot be greater than status.replicas");
  }
  if (number("availableReplicas") > number("readyReplicas")) {
    status.invalidAt(status.path("availableReplicas"), number("availableReplicas"), of_ready);
  }
}
void statusOfDeployment(const Check& root, const object&) {
  checkReplicas(root,
                {"observedGeneration", "replicas", "updatedReplicas", "readyReplicas", "availableReplicas",
                 "unavailableReplicas", "terminatingReplicas", "collisionCount"},
                {"updatedReplicas", "readyReplicas", "availableReplicas"}, "cannot be greater than readyReplicas");
}
void statusOfReplicaSet(const Check& root, const object&) {
  checkReplicas(root,
                {"replicas", "fullyLabeledReplicas", "readyReplicas", "availableReplicas", "observedGeneration",
                 "terminatingReplicas"},
                {"fullyLabeledReplicas", "readyReplicas", "availableReplicas"}, "cannot be greater than readyReplicas");
}
void statusOfStatefulSet(const Check& root, const object&) {
  checkReplicas(root,
                {"replicas", "readyReplicas", "currentReplicas", "updatedReplicas", "availableReplicas",
                 "observedGeneration", "collisionCount"},
                {"readyReplicas", "currentReplicas", "updatedReplicas", "availableReplicas"},
                "cannot be greater than status.readyReplicas");
}
void statusOfDaemonSet(const Check& root, const object&) {
  checkCounters(root.child("status"), {"currentNumberScheduled", "numberMisscheduled", "desiredNumberScheduled",
                                       "numberReady", "observedGeneration", "updatedNumberScheduled", "numberAvailable",
                                       "numberUnavailable", "collisionCount"});
}

constexpr std::array kWorkloadsRules = {
    KindRules{"Deployment", createDeployment, updateSelector, When::After, statusOfDeployment},
    KindRules{"ReplicaSet", createReplicaSet, updateSelector, When::After, statusOfReplicaSet},
    KindRules{"ReplicationController", createReplicationController, nullptr, When::After, statusOfReplicaSet},
    KindRules{"StatefulSet", createStatefulSet, updateStatefulSet, When::After, statusOfStatefulSet},
    KindRules{"DaemonSet", createDaemonSet, updateSelector, When::Before, statusOfDaemonSet},
    KindRules{"ControllerRevision", createControllerRevision, updateControllerRevision},
};

}  // namespace

std::span<const KindRules> workloadRules() {
  return kWorkloadsRules;
}

}  // namespace slipway::schema
