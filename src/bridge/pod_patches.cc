#include "bridge/pod_patches.h"

#include "base/strings.h"
#include "bridge/names.h"
#include "bridge/objects.h"

namespace slipway::bridge {
namespace {

using kube::Object;
using kube::json::array;
using kube::json::value;

void setSubmitted(Object& status, const site::v1::PodReport& report, WallTime now) {
  const bool refused = report.stage() == site::v1::PodReport::REFUSED;
  const std::string_view wanted = refused ? "False" : "True";
  array conditions = kube::items(status, {"conditions"});
  Object next{{"type", kSubmittedCondition}, {"status", wanted}, {"lastTransitionTime", formatTime(now)}};
  if (refused) {
    next["reason"] = report.reason();
    next["message"] = report.message();
  }
  for (value& item : conditions) {
    if (!item.is_object() || kube::text(item.get_object(), {"type"}) != kSubmittedCondition) continue;
    Object& old = item.get_object();
    const bool same =
        kube::text(old, {"status"}) == wanted && kube::text(old, {"message"}) == kube::text(next, {"message"});
    if (same) return;
    old = std::move(next);
    status["conditions"] = std::move(conditions);
    return;
  }
  // A Pod that was never refused needs no such condition.
  if (!refused) return;
  conditions.push_back(std::move(next));
  status["conditions"] = std::move(conditions);
}

/// A job that nobody can find: the last that was seen stays, but nobody is to count on it.
Object statusOfUnknown(const Object& pod, const site::v1::PodReport& report, WallTime now) {
  Object status = kube::child(pod, {"status"});
  const std::string_view phase = kube::text(status, {"phase"});
  if (phase == "Succeeded" || phase == "Failed" || report.reason().empty()) return status;
  status["reason"] = report.reason();
  status["message"] = openFate(report);
  array conditions = kube::items(status, {"conditions"});
  for (value& item : conditions) {
    if (!item.is_object()) continue;
    Object& condition = item.get_object();
    const std::string_view type = kube::text(condition, {"type"});
    if (type != "Ready" && type != "ContainersReady") continue;
    if (kube::text(condition, {"status"}) != "Unknown") condition["lastTransitionTime"] = formatTime(now);
    condition["status"] = "Unknown";
    condition["reason"] = report.reason();
    condition.erase("message");
  }
  status["conditions"] = std::move(conditions);
  return status;
}

/// Extends the end of a toleration that the admission gave, and adds the one that is missing.
bool tolerateForEver(array& tolerations, std::string_view key) {
  for (value& item : tolerations) {
    if (!item.is_object()) continue;
    Object& toleration = item.get_object();
    const std::string_view have = kube::text(toleration, {"key"});
    const std::string_view effect = kube::text(toleration, {"effect"});
    const bool everything = have.empty() && kube::text(toleration, {"operator"}) == "Exists";
    if (!everything && have != key) continue;
    if (!effect.empty() && effect != "NoExecute") continue;
    return toleration.erase("tolerationSeconds") > 0;
  }
  tolerations.push_back({{"key", key}, {"operator", "Exists"}, {"effect", "NoExecute"}});
  return true;
}

}  // namespace

uint32_t attemptOf(const Object& pod) {
  const auto attempt = parseInt(kube::annotation(pod, annotation::kAttempt));
  return attempt && *attempt > 0 ? static_cast<uint32_t>(*attempt) : 0;
}

bool isFinal(const Object& pod) {
  const std::string_view phase = kube::text(pod, {"status", "phase"});
  return phase == "Succeeded" || phase == "Failed";
}

std::string_view replacerOf(const Object& pod) {
  for (const value& item : kube::items(pod, {"metadata", "ownerReferences"})) {
    if (!item.is_object() || !kube::boolean(item.get_object(), {"controller"})) continue;
    const bool counts = kube::text(item.get_object(), {"kind"}) == "Job";
    return counts ? std::string_view() : kube::text(item.get_object(), {"uid"});
  }
  return {};
}

bool isOver(const site::v1::PodReport& report) {
  return report.stage() == site::v1::PodReport::SUCCEEDED || report.stage() == site::v1::PodReport::FAILED;
}

std::string openFate(const site::v1::PodReport& report) {
  const std::string known = toValidUtf8(report.message());
  if (report.stage() == site::v1::PodReport::UNKNOWN && !report.reason().empty()) {
    return fmt::format(
        "{}. Nothing is submitted again for this pod; it goes on by itself should the job turn up. Look with `sacct -j "
        "{}` "
        "on the login node; if the job is over, delete the pod.",
        known, report.job_id());
  }
  if (report.stage() == site::v1::PodReport::SUBMITTING && !report.reason().empty()) {
    return fmt::format(
        "{}. It is settled by itself when Slurm answers again, by the job's comment; deleting the pod cancels whatever "
        "job "
        "turns up.",
        known);
  }
  return {};
}

Object statusPatchOf(const Object& pod, const site::v1::PodReport& report, const slipway::pod::NodeFacts& node,
                     WallTime now) {
  const Object& have = kube::child(pod, {"status"});
  const bool unknown = report.stage() == site::v1::PodReport::UNKNOWN;
  Object wanted = unknown ? statusOfUnknown(pod, report, now) : pod::podStatus(pod, report, node, now);
  if (!unknown) setSubmitted(wanted, report, now);
  Object patch = mergeDiff(have, wanted);
  // Fields that a server fills in are no difference.
  std::vector<std::string> same;
  for (const auto& [name, value] : patch) {
    const auto* old = have.if_contains(name);
    const auto* whole = wanted.if_contains(name);
    if (old != nullptr && whole != nullptr && covers(*old, *whole)) same.emplace_back(name);
  }
  for (const std::string& name : same) patch.erase(name);
  return patch;
}

Object submittedPatch(const Object& pod, uint32_t job_id) {
  const std::string id = std::to_string(job_id);
  if (kube::annotation(pod, annotation::kJobId) == id) return {};
  Object patch{{"metadata", {{"uid", kube::uid(pod)}}}};
  kube::ensure(patch, {"metadata", "annotations"})[annotation::kJobId] = id;
  return patch;
}

Object outagePatch(const Object& pod) {
  array tolerations = kube::items(pod, {"spec", "tolerations"});
  const bool not_ready = tolerateForEver(tolerations, "node.kubernetes.io/not-ready");
  const bool unreachable = tolerateForEver(tolerations, "node.kubernetes.io/unreachable");
  if (!not_ready && !unreachable) return {};
  return Object{{"metadata", {{"uid", kube::uid(pod)}}}, {"spec", {{"tolerations", std::move(tolerations)}}}};
}

}  // namespace slipway::bridge
