#include "base/strings.h"
#include "json/compare.h"
#include "json/document.h"
#include "schema/formats.h"
#include "schema/validation_kinds.h"

namespace slipway::schema {
namespace {

using json::object;
using json::value;

constexpr int64_t kMostParallel = 100000;
constexpr int64_t kMostFailedIndexes = 100000;

void checkExitCodes(const Check& codes, const std::set<std::string_view>& containers) {
  const std::string_view word = codes.text("operator");
  if (word.empty()) {
    codes.required("operator", "valid values: [\"In\" \"NotIn\"]");
  } else {
    codes.oneOf("operator", {"In", "NotIn"});
  }
  if (codes.has("containerName") && !containers.contains(codes.text("containerName"))) {
    codes.invalid("containerName", "must be one of the container or initContainer names in the pod template");
  }
  const json::array* values = json::findArray(codes.object(), {"values"});
  if (values == nullptr || values->empty()) {
    return codes.invalidAt(codes.path("values"), json::array(), "at least one value is required");
  }
  std::set<int64_t> seen;
  for (size_t i = 0; i < values->size(); ++i) {
    const int64_t code = (*values)[i].is_int64() ? (*values)[i].get_int64() : 0;
    const std::string path = fmt::format("{}[{}]", codes.path("values"), i);
    if (word == "In" && code == 0) codes.invalidAt(path, code, "must not be 0 for the In operator");
    if (!seen.insert(code).second) codes.duplicateAt(path, code);
  }
  const bool ordered = std::ranges::is_sorted(
      *values, [](const value& a, const value& b) { return a.to_number<int64_t>() < b.to_number<int64_t>(); });
  if (!ordered) codes.invalid("values", "must be ordered");
}

void checkFailurePolicy(const Check& spec) {
  std::set<std::string_view> containers;
  const Check pod_template = spec.child("template");
  const Check pod = pod_template.child("spec");
  for (std::string_view list : {"containers", "initContainers"}) {
    pod.list(list, [&](const Check& container) { containers.insert(container.text("name")); });
  }
  const Check policy = spec.child("podFailurePolicy");
  policy.list("rules", [&](const Check& rule) {
    if (rule.text("action") == "FailIndex" && !spec.has("backoffLimitPerIndex")) {
      rule.invalid("action", "requires the backoffLimitPerIndex to be set");
    }
    rule.oneOf("action", {"Count", "FailIndex", "FailJob", "Ignore"}, true);
    bool codes = rule.has("onExitCodes"), conditions = rule.count("onPodConditions") > 0;
    if (codes) {
      const Check exit_codes = rule.child("onExitCodes");
      checkExitCodes(exit_codes, containers);
    }
    rule.list("onPodConditions", [](const Check& pattern) {
      for (const std::string& problem : qualifiedName(pattern.text("type"))) pattern.invalid("type", problem);
      pattern.oneOf("status", {"False", "True", "Unknown"}, true);
    });
    const auto refuse = [&](std::string_view words) {
      rule.add(FieldError::Type::Invalid, rule.path(), fmt::format("Invalid value: {}", words));
    };
    if (codes && conditions) refuse("specifying both OnExitCodes and OnPodConditions is not supported");
    if (!codes && !conditions) refuse("specifying one of OnExitCodes and OnPodConditions is required");
  });
}

void checkIndexed(const Check& spec) {
  const auto completions = spec.number("completions"), most_failed = spec.number("maxFailedIndexes");
  if (!completions) spec.required("completions", "when completion mode is Indexed");
  if (spec.number("parallelism").value_or(0) > kMostParallel) {
    spec.invalid("parallelism",
                 fmt::format("must be less than or equal to {} when completion mode is Indexed", kMostParallel));
  }
  if (completions && most_failed && *most_failed > *completions) {
    spec.invalid("maxFailedIndexes", "must be less than or equal to completions");
  }
  if (most_failed.value_or(0) > kMostFailedIndexes) {
    spec.invalid("maxFailedIndexes", fmt::format("must be less than or equal to {}", kMostFailedIndexes));
  }
}

void checkSuccessPolicy(const Check& spec) {
  const Check policy = spec.child("successPolicy");
  if (!policy.present()) return;
  if (spec.text("completionMode") != "Indexed") {
    const value* rules = policy.value("rules");
    const object shown = {{"Rules", rules == nullptr ? value(json::array()) : *rules}};
    return spec.invalidAt(policy.path(), shown, "requires indexed completion mode");
  }
  if (policy.count("rules") == 0) {
    policy.required("rules", "at least one rules must be specified when the successPolicy is specified");
  }
  const int64_t completions = spec.number("completions").value_or(0);
  policy.list("rules", [&](const Check& rule) {
    if (!rule.has("succeededCount") && !rule.has("succeededIndexes")) {
      rule.add(FieldError::Type::Required, rule.path(),
               "Required value: at least one of succeededCount or succeededIndexes must be specified");
    }
    rule.atLeast("succeededCount", 0);
    if (rule.number("succeededCount").value_or(0) > completions) {
      rule.invalid("succeededCount",
                   fmt::format("must be less than or equal to {} (the number of specified completions)", completions));
    }
  });
}

void checkJobSpec(const Check& spec) {
  for (std::string_view key : {"parallelism", "completions", "activeDeadlineSeconds", "backoffLimit",
                               "ttlSecondsAfterFinished", "backoffLimitPerIndex", "maxFailedIndexes"}) {
    spec.atLeast(key, 0);
  }
  if (spec.has("maxFailedIndexes") && !spec.has("backoffLimitPerIndex")) {
    spec.required("backoffLimitPerIndex", "when maxFailedIndexes is specified");
  }
  if (spec.has("managedBy")) checkPrefixedPath(spec, "managedBy");
  const std::string_view mode = spec.text("completionMode");
  if (spec.has("completionMode") && mode != "NonIndexed" && mode != "Indexed") {
    spec.notSupportedAt(spec.path("completionMode"), mode, {"NonIndexed", "Indexed"});
  }
  if (mode == "Indexed") checkIndexed(spec);
  for (std::string_view key : {"backoffLimitPerIndex", "maxFailedIndexes"}) {
    if (mode != "Indexed" && spec.has(key)) spec.invalid(key, "requires indexed completion mode");
  }
  checkFailurePolicy(spec);
  checkSuccessPolicy(spec);
  spec.oneOf("podReplacementPolicy", {"Failed", "TerminatingOrFailed"});
  const Check pod_template = spec.child("template");
  checkPodTemplate(pod_template);
  Check pod = pod_template.child("spec");
  std::string_view restart = pod.text("restartPolicy");
  if (restart.empty() || restart == "Always") {
    pod.required("restartPolicy", "valid values: \"OnFailure\", \"Never\"");
  } else if (restart != "OnFailure" && restart != "Never") {
    pod.notSupportedAt(pod.path("restartPolicy"), restart, {"OnFailure", "Never"});
  } else if (spec.has("podFailurePolicy") && restart != "Never") {
    pod.invalid("restartPolicy", "only \"Never\" is supported when podFailurePolicy is specified");
  }
}

/// What the server writes into selector and template of a Job that chooses nothing itself.
void checkGeneratedSelector(const Check& root) {
  const Check spec = root.child("spec");
  if (spec.flag("manualSelector") || !spec.has("selector")) return;
  const Check metadata = root.child("metadata");
  const std::string_view uid = metadata.text("uid"), name = metadata.text("name");
  const object labels = {{"batch.kubernetes.io/controller-uid", uid},
                         {"batch.kubernetes.io/job-name", name},
                         {"controller-uid", uid},
                         {"job-name", name}};
  const Check selector = spec.child("selector");
  if (!selectorMatches(selector.object(), &labels)) spec.invalid("selector", "`selector` not auto-generated");
}

void createJob(const Check& root) {
  const Check spec = root.child("spec");
  checkGeneratedSelector(root);
  checkJobSpec(spec);
  if (!spec.has("selector")) spec.required("selector");
  checkSelector(spec, "selector");
  const object* labels = json::findObject(spec.object(), {"template", "metadata", "labels"});
  const Check selector = spec.child("selector");
  if (!selectorMatches(selector.object(), labels)) {
    spec.invalidAt(spec.path("template.metadata.labels"), labels == nullptr ? value() : value(*labels),
                   "`selector` does not match template `labels`");
  }
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

bool hasCondition(const object& job, std::string_view type) {
  const json::array* conditions = json::findArray(job, {"status", "conditions"});
  return conditions != nullptr && std::ranges::any_of(*conditions, [&](const value& one) {
           return one.is_object() && json::text(one.get_object(), {"type"}) == type &&
                  json::text(one.get_object(), {"status"}) == "True";
         });
}

/// Only what a change brings is told: a Job that was already odd may still be written.
void statusOfJob(const Check& root, const object& old) {
  const Check status = root.child("status");
  checkCounters(status, {"active", "succeeded", "failed", "ready", "terminating"});
  const auto is = [&](std::string_view type) { return hasCondition(root.object(), type); };
  const auto turned = [&](std::string_view type) { return is(type) != hasCondition(old, type); };
  const auto changed = [&](std::string_view key) {
    return !json::equalIgnoringEmpty(status.value(key), json::find(old, {"status", key}));
  };
  const auto refuse = [&](std::string_view words) {
    status.add(FieldError::Type::Invalid, "status.conditions", fmt::format("Invalid value: {}", words));
  };
  const bool complete = is("Complete"), failed = is("Failed"), finished = complete || failed;
  const bool ends = finished != (hasCondition(old, "Complete") || hasCondition(old, "Failed"));
  const std::string_view end = status.text("completionTime"), start = status.text("startTime");
  const bool times = turned("Complete") || changed("completionTime");
  if (complete && failed) refuse("cannot set Complete=True and Failed=true conditions");
  if (complete && is("FailureTarget")) refuse("cannot set Complete=True and FailureTarget=true conditions");
  if (times && !end.empty() && !complete) {
    status.invalid("completionTime", "cannot set completionTime when there is no Complete=True condition");
  }
  if (times && end.empty() && complete) {
    status.required("completionTime", "completionTime is required for Complete jobs");
  }
  if (!start.empty() && !end.empty() && end < start && (changed("startTime") || changed("completionTime"))) {
    status.invalid("completionTime", "must be equal to or after `startTime`");
  }
  if (failed && turned("Failed") && !is("FailureTarget")) {
    refuse("cannot set Failed=True condition without the FailureTarget=true condition");
  }
  if (complete && turned("Complete") && !is("SuccessCriteriaMet")) {
    refuse("cannot set Complete=True condition without the SuccessCriteriaMet=true condition");
  }
  if (finished && status.number("active").value_or(0) > 0 && (ends || changed("active"))) {
    status.invalid("active", "active>0 is invalid for finished job");
  }
  if (finished && start.empty() && (ends || changed("startTime"))) {
    status.required("startTime", "startTime is required for finished job");
  }
  if (finished && status.number("terminating").value_or(0) > 0 && (ends || changed("terminating"))) {
    status.invalid("terminating", "terminating>0 is invalid for finished job");
  }
  if (status.has("ready") && status.number("ready") > status.number("active").value_or(0) &&
      (changed("ready") || changed("active"))) {
    status.invalid("ready", "cannot set more ready pods than active");
  }
  for (std::string_view type : {"Complete", "Failed"}) {
    if (hasCondition(old, type) && !is(type))
      refuse(fmt::format("cannot disable the terminal {}=True condition", type));
  }
}

/// Where the machine has the table of time zones, what stands in it; otherwise every name of the right form.
bool knownTimeZone(std::string_view zone) {
  for (std::string_view part : split(zone, '/')) {
    const bool plain = std::ranges::all_of(
        part, [](unsigned char c) { return std::isalnum(c) != 0 || c == '_' || c == '-' || c == '+' || c == '.'; });
    if (part.empty() || part == "." || part == ".." || part.starts_with('-') || !plain) return false;
  }
  static const std::filesystem::path zones = "/usr/share/zoneinfo";
  std::error_code ignored;
  if (zone == "UTC" || !std::filesystem::exists(zones / "Etc", ignored)) return true;
  return std::filesystem::is_regular_file(zones / zone, ignored);
}

void checkTimeZone(const Check& spec) {
  if (!spec.has("timeZone")) return;
  const std::string_view zone = spec.text("timeZone");
  if (zone.empty()) return spec.invalid("timeZone", "timeZone must be nil or non-empty string");
  if (toLower(zone) == "local") {
    spec.invalid("timeZone", "timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones");
  } else if (!knownTimeZone(zone)) {
    spec.invalid("timeZone", fmt::format("unknown time zone {}", zone));
  }
}

void createCronJob(const Check& root) {
  if (std::string_view name = root.child("metadata").text("name"); name.size() > 52) {
    root.child("metadata").invalid("name", "must be no more than 52 characters");
  }
  Check spec = root.child("spec");
  if (spec.text("schedule").empty()) spec.required("schedule");
  spec.format("schedule", cronSchedule);
  spec.atLeast("startingDeadlineSeconds", 0);
  checkTimeZone(spec);
  spec.oneOf("concurrencyPolicy", {"Allow", "Forbid", "Replace"}, true);
  const Check job_template = spec.child("jobTemplate");
  const Check job = job_template.child("spec");
  checkJobSpec(job);
  if (job.has("selector")) job.invalid("selector", "`selector` will be auto-generated");
  if (job.flag("manualSelector")) job.notSupportedAt(job.path("manualSelector"), value(true), {"nil", "false"});
  spec.atLeast("successfulJobsHistoryLimit", 0);
  spec.atLeast("failedJobsHistoryLimit", 0);
}

constexpr std::array kJobsRules = {
    KindRules{"Job", createJob, updateJob, When::After, statusOfJob},
    KindRules{"CronJob", createCronJob},
};

}  // namespace

std::span<const KindRules> jobRules() {
  return kJobsRules;
}

}  // namespace slipway::schema
