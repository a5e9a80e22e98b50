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

void checkTemplate(const Check& spec, std::string_view kind) {
  Check pod_template = spec.child("template");
  checkPodTemplate(pod_template);
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
         (part->is_string() && part->get_string() == "0%");
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
  retention.oneOf("whenDeleted", {"Delete", "Retain"}, true);
  retention.oneOf("whenScaled", {"Delete", "Retain"}, true);
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

void checkFailurePolicy(const Check& spec) {
  Check policy = spec.child("podFailurePolicy");
  policy.list("rules", [](const Check& rule) {
    rule.oneOf("action", {"Count", "FailIndex", "FailJob", "Ignore"}, true);
    bool codes = rule.has("onExitCodes"), conditions = rule.count("onPodConditions") > 0;
    if (codes && conditions) {
      rule.add(FieldError::Type::Invalid, rule.path(),
               "Invalid value: specifying both OnExitCodes and OnPodConditions is not supported");
    }
    if (!codes && !conditions) {
      rule.add(FieldError::Type::Invalid, rule.path(),
               "Invalid value: specifying one of OnExitCodes and OnPodConditions is required");
    }
  });
}

void checkJobSpec(const Check& spec) {
  for (std::string_view key : {"parallelism", "completions", "activeDeadlineSeconds", "backoffLimit",
                               "ttlSecondsAfterFinished", "backoffLimitPerIndex", "maxFailedIndexes"}) {
    spec.atLeast(key, 0);
  }
  if (spec.has("managedBy")) {
    std::string_view by = spec.text("managedBy");
    if (by.find('/') == std::string_view::npos) {
      spec.invalid("managedBy", "must be a domain-prefixed path (such as \"acme.io/foo\")");
    }
  }
  std::string_view mode = spec.text("completionMode");
  if (mode != "Indexed" && spec.has("backoffLimitPerIndex")) {
    spec.invalid("backoffLimitPerIndex", "requires indexed completion mode");
  }
  if (spec.has("completionMode") && mode != "NonIndexed" && mode != "Indexed") {
    spec.notSupportedAt(spec.path("completionMode"), mode, {"NonIndexed", "Indexed"});
  }
  if (mode == "Indexed" && !spec.number("completions")) spec.required("completions", "when completion mode is Indexed");
  checkFailurePolicy(spec);
  checkPodTemplate(spec.child("template"));
  const Check pod_template = spec.child("template");
  Check pod = pod_template.child("spec");
  std::string_view restart = pod.text("restartPolicy");
  if (restart.empty() || restart == "Always") {
    pod.required("restartPolicy", "valid values: \"OnFailure\", \"Never\"");
  } else if (restart != "OnFailure" && restart != "Never") {
    pod.notSupportedAt(pod.path("restartPolicy"), restart, {"OnFailure", "Never"});
  } else if (spec.has("podFailurePolicy") && restart != "Never") {
    pod.invalid("restartPolicy", "only \"Never\" is supported when podFailurePolicy is specified");
  }
  spec.oneOf("podReplacementPolicy", {"Failed", "TerminatingOrFailed"});
}

void createJob(const Check& root) {
  Check spec = root.child("spec");
  if (!spec.has("selector")) {
    spec.required("selector");
  } else {
    checkSelector(spec, "selector");
    const object* labels = json::findObject(spec.object(), {"template", "metadata", "labels"});
    if (!selectorMatches(spec.child("selector").object(), labels)) {
      spec.invalidAt(spec.path("template.metadata.labels"), labels == nullptr ? value() : value(*labels),
                     "`selector` does not match template `labels`");
    }
  }
  checkJobSpec(spec);
}

void checkSchedule(const Check& spec) {
  std::string_view schedule = spec.text("schedule");
  if (schedule.empty()) return spec.required("schedule");
  if (schedule.find("TZ") != std::string_view::npos) {
    return spec.invalid("schedule", "cannot use TZ or CRON_TZ in schedule, use timeZone field instead");
  }
  if (schedule.starts_with('@')) {
    constexpr std::array kNames = {"@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly"};
    if (std::ranges::find(kNames, schedule) == kNames.end() && !schedule.starts_with("@every ")) {
      spec.invalid("schedule", fmt::format("unrecognized descriptor: {}", schedule));
    }
    return;
  }
  std::vector<std::string> fields;
  for (std::string_view word : split(schedule, ' ')) {
    if (!word.empty()) fields.emplace_back(word);
  }
  if (fields.size() != 5) {
    spec.invalid("schedule",
                 fmt::format("expected exactly 5 fields, found {}: [{}]", fields.size(), join(fields, " ")));
  }
}

void createCronJob(const Check& root) {
  if (std::string_view name = root.child("metadata").text("name"); name.size() > 52) {
    root.child("metadata").invalid("name", "must be no more than 52 characters");
  }
  Check spec = root.child("spec");
  checkSchedule(spec);
  spec.atLeast("startingDeadlineSeconds", 0);
  if (const value* zone = spec.value("timeZone"); zone != nullptr && spec.text("timeZone").empty()) {
    spec.invalid("timeZone", "timeZone must be nil or non-empty string");
  }
  spec.oneOf("concurrencyPolicy", {"Allow", "Forbid", "Replace"}, true);
  const Check job_template = spec.child("jobTemplate");
  checkJobSpec(job_template.child("spec"));
  spec.atLeast("successfulJobsHistoryLimit", 0);
  spec.atLeast("failedJobsHistoryLimit", 0);
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

void updateJob(const Check& root, const object& old) {
  std::string_view mode = root.child("spec").text("completionMode");
  bool indexed = mode == "Indexed";
  const value* completions = json::find(root.object(), {"spec", "completions"});
  const value* parallelism = json::find(root.object(), {"spec", "parallelism"});
  bool together =
      indexed && completions != nullptr && parallelism != nullptr && json::equal(*completions, *parallelism);
  if (!together) checkImmutable(root, old, {"spec", "completions"});
  checkImmutable(root, old, {"spec", "selector"});
  bool suspended = json::isTrue(old, {"spec", "suspend"}) && json::text(old, {"status", "startTime"}).empty();
  if (!suspended) checkImmutable(root, old, {"spec", "template"});
  checkImmutable(root, old, {"spec", "completionMode"});
  checkImmutable(root, old, {"spec", "podFailurePolicy"});
  checkImmutable(root, old, {"spec", "backoffLimitPerIndex"});
  checkImmutable(root, old, {"spec", "managedBy"});
  checkImmutable(root, old, {"spec", "successPolicy"});
}

void createControllerRevision(const Check& root) {
  root.atLeast("revision", 0);
  if (!root.has("data")) root.required("data", "data is mandatory");
}
void updateControllerRevision(const Check& root, const object& old) {
  checkImmutable(root, old, {"data"});
}

constexpr std::array kRules = {
    KindRules{"Deployment", createDeployment, updateSelector},
    KindRules{"ReplicaSet", createReplicaSet, updateSelector},
    KindRules{"ReplicationController", createReplicationController},
    KindRules{"StatefulSet", createStatefulSet, updateStatefulSet},
    KindRules{"DaemonSet", createDaemonSet, updateSelector, true},
    KindRules{"Job", createJob, updateJob},
    KindRules{"CronJob", createCronJob},
    KindRules{"ControllerRevision", createControllerRevision, updateControllerRevision},
};

}  // namespace

std::span<const KindRules> workloadRules() {
  return kRules;
}

}  // namespace slipway::schema
