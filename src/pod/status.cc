#include "pod/status.h"

#include "kube/quantity.h"
#include "pod/phase.h"
#include "pod/resources.h"

namespace slipway::pod {
namespace {

using kube::Object;
using kube::json::array;
using site::v1::ContainerReport;
using site::v1::PodReport;

constexpr std::string_view kResizePending = "PodResizePending";
constexpr std::string_view kNoResize =
    "In-place resize is not possible: the size of a Slurm job stands; delete the pod and make it anew";

std::string timeText(int64_t ns) {
  return formatTime(WallTime(std::chrono::nanoseconds(ns)));
}

std::string containerId(const PodReport& report, const ContainerReport& container, uint32_t run) {
  return fmt::format("slipway://{}-{}-{}-{}", report.pod_uid(), report.attempt(), container.name(), run);
}

/// Of the run before, or of none. One that waits to be started again is still the run that has ended.
std::string lastId(const PodReport& report, const ContainerReport& container) {
  if (!container.has_last_terminated()) return "";
  const std::string& reason = container.waiting().reason();
  const bool begins_anew = !container.has_waiting() || reason == "ContainerCreating" || reason == "PodInitializing";
  if (!begins_anew) return containerId(report, container, container.restart_count());
  if (container.restart_count() == 0) return "";
  return containerId(report, container, container.restart_count() - 1);
}

Object terminatedState(const site::v1::Terminated& from, const std::string& id) {
  Object out{{"exitCode", from.exit_code()}};
  if (!from.reason().empty()) out["reason"] = from.reason();
  if (!from.message().empty()) out["message"] = from.message();
  if (from.started_at_ns() != 0) out["startedAt"] = timeText(from.started_at_ns());
  if (from.finished_at_ns() != 0) out["finishedAt"] = timeText(from.finished_at_ns());
  if (!id.empty()) out["containerID"] = id;
  return Object{{"terminated", std::move(out)}};
}

Object stateOf(const ContainerReport& container, const std::string& id) {
  if (container.has_running()) {
    return Object{{"running", Object{{"startedAt", timeText(container.running().started_at_ns())}}}};
  }
  if (container.has_terminated()) return terminatedState(container.terminated(), id);
  Object waiting;
  if (!container.waiting().reason().empty()) waiting["reason"] = container.waiting().reason();
  if (!container.waiting().message().empty()) waiting["message"] = container.waiting().message();
  return Object{{"waiting", std::move(waiting)}};
}

Object containerStatus(const PodReport& report, const ContainerReport& container, const Object& spec) {
  const bool ran = container.has_running() || container.has_terminated();
  const std::string last = lastId(report, container);
  // An init container is ready when it has ended well; a sidecar is none of them.
  const bool runs_before = container.kind() == ContainerReport::INIT && container.has_running() &&
                           kube::text(spec, {"restartPolicy"}) != "Always";
  const std::string id = ran ? containerId(report, container, container.restart_count()) : last;
  Object out{{"name", container.name()},
             {"state", stateOf(container, id)},
             {"lastState", Object()},
             {"ready", container.ready() && !runs_before},
             {"restartCount", container.restart_count()},
             {"image", container.image().empty() ? std::string(kube::text(spec, {"image"})) : container.image()},
             {"imageID", container.image_id()},
             {"started", container.started()}};
  if (!id.empty()) out["containerID"] = id;
  if (container.has_last_terminated()) out["lastState"] = terminatedState(container.last_terminated(), last);
  return out;
}

/// The time of the last change of a condition is that of the old one if the status is the same.
void setCondition(array& conditions, const ConditionValue& value, const std::string& now, int64_t generation) {
  Object next{{"type", value.type}, {"status", value.status}, {"lastTransitionTime", now}};
  if (generation > 0) next["observedGeneration"] = generation;
  if (!value.reason.empty()) next["reason"] = value.reason;
  if (!value.message.empty()) next["message"] = value.message;
  for (auto& each : conditions) {
    if (!each.is_object() || kube::text(kube::objectOf(each), {"type"}) != value.type) continue;
    const Object& old = kube::objectOf(each);
    if (kube::text(old, {"status"}) == value.status && old.contains("lastTransitionTime")) {
      next["lastTransitionTime"] = old.at("lastTransitionTime");
    }
    if (const auto* before = old.if_contains("observedGeneration")) next.emplace("observedGeneration", *before);
    each = std::move(next);
    return;
  }
  conditions.push_back(std::move(next));
}

void setAddresses(Object& status, const PodReport& report, const NodeFacts& facts) {
  std::vector<std::string> ips(report.pod_ips().begin(), report.pod_ips().end());
  if (ips.empty() && !facts.pod_ip.empty() && report.stage() == PodReport::RUNNING) ips.push_back(facts.pod_ip);
  if (!ips.empty()) {
    array list;
    for (const std::string& ip : ips) list.push_back(Object{{"ip", ip}});
    status["podIP"] = ips.front();
    status["podIPs"] = std::move(list);
  }
  if (!facts.host_ip.empty()) {
    status["hostIP"] = facts.host_ip;
    status["hostIPs"] = array{Object{{"ip", facts.host_ip}}};
  }
}

void setOrDrop(Object& status, std::string_view key, const std::string& value) {
  if (value.empty()) {
    status.erase(key);
  } else {
    status[key] = value;
  }
}

const Object& statusNamed(const array& statuses, std::string_view name) {
  static const Object kNone;
  for (const auto& each : statuses) {
    if (each.is_object() && kube::text(kube::objectOf(each), {"name"}) == name) return kube::objectOf(each);
  }
  return kNone;
}

/// What the containers were given when the pod was first seen stands: a job does not change its size. True when the pod
/// asks for something else by now.
bool keepResources(const array& before, const PodView& view, array& now) {
  bool resized = false;
  for (size_t i = 0; i < now.size(); ++i) {
    const Object& wanted = kube::child(*view.main[i].spec, {"resources"});
    if (wanted.empty()) continue;
    const Object& old = kube::child(statusNamed(before, kube::text(*view.main[i].spec, {"name"})), {"resources"});
    now[i].get_object()["resources"] = old.empty() ? wanted : old;
    resized = resized || (!old.empty() && old != wanted);
  }
  return resized;
}

void dropCondition(array& conditions, std::string_view type) {
  for (auto it = conditions.begin(); it != conditions.end();) {
    const bool found = it->is_object() && kube::text(it->get_object(), {"type"}) == type;
    it = found ? conditions.erase(it) : it + 1;
  }
}

/// True when a resize is wanted that cannot be made.
bool setContainers(Object& status, const PodView& view, const PodReport& report) {
  array init;
  array main;
  array ephemeral;
  for (const ContainerView& each : view.init) init.push_back(containerStatus(report, each.report, *each.spec));
  for (const ContainerView& each : view.main) main.push_back(containerStatus(report, each.report, *each.spec));
  for (const ContainerView& each : view.ephemeral)
    ephemeral.push_back(containerStatus(report, each.report, *each.spec));
  if (!init.empty()) status["initContainerStatuses"] = std::move(init);
  const bool resized = keepResources(kube::items(status, {"containerStatuses"}), view, main);
  status["containerStatuses"] = std::move(main);
  if (!ephemeral.empty()) status["ephemeralContainerStatuses"] = std::move(ephemeral);
  return resized;
}

}  // namespace

Object podStatus(const Object& pod, const PodReport& report, const NodeFacts& facts, WallTime now) {
  Object status = kube::child(pod, {"status"});
  const std::string_view old_phase = kube::text(status, {"phase"});
  if (old_phase == "Succeeded" || old_phase == "Failed") return status;
  if (report.stage() == PodReport::UNKNOWN) return status;

  const int64_t generation = facts.observe_generation ? kube::integer(pod, {"metadata", "generation"}) : 0;
  if (generation > 0) status["observedGeneration"] = generation;
  const PodView view = viewOf(pod, report);
  const std::string phase = phaseOf(pod, view, report);
  status["phase"] = phase;
  setOrDrop(status, "reason", report.reason());
  setOrDrop(status, "message", report.message());
  // The API server has set it, and lets nobody change it.
  if (kube::text(status, {"qosClass"}).empty()) status["qosClass"] = qosClass(pod);
  if (!status.contains("startTime") && report.started_at_ns() != 0)
    status["startTime"] = timeText(report.started_at_ns());
  setAddresses(status, report, facts);
  const bool resized = setContainers(status, view, report);

  array conditions = kube::items(status, {"conditions"});
  if (!resized) dropCondition(conditions, kResizePending);
  if (resized) {
    setCondition(conditions, {std::string(kResizePending), "True", "Infeasible", std::string(kNoResize)},
                 formatTime(now), generation);
  }
  for (const ConditionValue& value : conditionsOf(pod, view, report, phase)) {
    setCondition(conditions, value, formatTime(now), generation);
  }
  status["conditions"] = std::move(conditions);
  return status;
}

std::string qosClass(const Object& pod) {
  bool any = false;
  bool guaranteed = true;
  const auto count = [&](const Object& holder) {
    for (const std::string_view name : {"cpu", "memory"}) {
      const auto amount = [&](std::string_view from) {
        const auto milli = milliValue(quantityText(kube::child(holder, {"resources", from}), name));
        return milli ? *milli : 0;
      };
      const int64_t limit = amount("limits");
      const int64_t request = amount("requests");
      any = any || limit > 0 || request > 0;
      guaranteed = guaranteed && limit > 0 && (request == 0 || request == limit);
    }
  };
  const Object& spec = kube::child(pod, {"spec"});
  // What the pod as a whole asks for goes before what its containers ask for.
  if (!kube::child(spec, {"resources"}).empty()) {
    count(spec);
  } else {
    for (const std::string_view list : {"containers", "initContainers"}) {
      for (const auto& item : kube::items(spec, {list})) count(kube::objectOf(item));
    }
  }
  if (!any) return "BestEffort";
  return guaranteed ? "Guaranteed" : "Burstable";
}

}  // namespace slipway::pod
