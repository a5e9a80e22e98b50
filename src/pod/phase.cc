#include "pod/phase.h"

#include "base/strings.h"

namespace slipway::pod {
namespace {

using kube::Object;
using site::v1::ContainerReport;
using site::v1::PodReport;

constexpr int kKilledExitCode = 137;

bool ended(const PodReport& report) {
  return report.stage() == PodReport::SUCCEEDED || report.stage() == PodReport::FAILED;
}

bool isSidecar(const Object& spec) {
  return kube::text(spec, {"restartPolicy"}) == "Always";
}

/// What is known of a container that the report says nothing about.
ContainerReport madeUp(const PodReport& report, const Object& spec, bool after_init) {
  ContainerReport out;
  out.set_name(std::string(kube::text(spec, {"name"})));
  site::v1::Waiting& waiting = *out.mutable_waiting();
  switch (report.stage()) {
    case PodReport::SUBMITTING:
    case PodReport::QUEUED:
      waiting.set_reason(after_init ? "PodInitializing" : "InSlurmQueue");
      waiting.set_message(report.message());
      break;
    case PodReport::REFUSED:
      waiting.set_reason(report.reason().empty() ? "SubmitFailed" : report.reason());
      waiting.set_message(report.message());
      break;
    default:
      waiting.set_reason(after_init ? "PodInitializing" : "ContainerCreating");
  }
  return out;
}

/// A job that ended has no running containers, whatever was heard of them last.
void endWithJob(ContainerReport& container, const PodReport& report) {
  if (!ended(report) || container.has_terminated()) return;
  const bool never_ran = container.has_waiting() && !container.has_last_terminated();
  if (never_ran && report.stage() == PodReport::FAILED && container.waiting().reason() != "ContainerCreating") return;
  const int64_t started_at = container.has_running() ? container.running().started_at_ns() : 0;
  site::v1::Terminated& terminated = *container.mutable_terminated();
  terminated.set_exit_code(kKilledExitCode);
  terminated.set_reason(report.reason().empty() ? "ContainerStatusUnknown" : report.reason());
  terminated.set_message(report.message().empty() ? "The job ended before the container's end was seen"
                                                  : report.message());
  terminated.set_started_at_ns(started_at);
  terminated.set_finished_at_ns(report.finished_at_ns());
  container.set_ready(false);
  container.set_started(false);
}

ContainerView viewOfContainer(const Object& spec, const PodReport& report, ContainerReport::Kind kind,
                              bool after_init) {
  const std::string name(kube::text(spec, {"name"}));
  const auto found =
      std::find_if(report.containers().begin(), report.containers().end(),
                   [&](const ContainerReport& each) { return each.name() == name && each.kind() == kind; });
  ContainerView view{&spec, found == report.containers().end() ? madeUp(report, spec, after_init) : *found};
  // As a kubelet has it: until all init containers are done, nobody of the pod is merely being created.
  if (after_init && view.report.has_waiting() && view.report.waiting().reason() == "ContainerCreating") {
    view.report.mutable_waiting()->set_reason("PodInitializing");
  }
  endWithJob(view.report, report);
  if (kind == ContainerReport::INIT && view.report.has_terminated() && !isSidecar(spec)) {
    view.report.set_ready(view.report.terminated().exit_code() == 0);
  }
  return view;
}

bool initDone(const ContainerView& each) {
  if (isSidecar(*each.spec)) return each.report.has_running() ? each.report.started() : each.report.has_terminated();
  return each.report.has_terminated() && each.report.terminated().exit_code() == 0;
}

std::string bracketed(const std::vector<std::string>& names) {
  return fmt::format("[{}]", join(names, " "));
}

ConditionValue initialized(const PodView& view, const std::string& phase) {
  std::vector<std::string> incomplete;
  for (const ContainerView& each : view.init) {
    if (!initDone(each)) incomplete.push_back(each.report.name());
  }
  if (phase == "Succeeded") return {"Initialized", "True", "PodCompleted", ""};
  if (incomplete.empty()) return {"Initialized", "True", "", ""};
  return {"Initialized", "False", "ContainersNotInitialized",
          "containers with incomplete status: " + bracketed(incomplete)};
}

ConditionValue containersReady(const PodView& view, const std::string& phase) {
  if (phase == "Succeeded") return {"ContainersReady", "False", "PodCompleted", ""};
  if (phase == "Failed") return {"ContainersReady", "False", "PodFailed", ""};
  std::vector<std::string> unready;
  for (const ContainerView& each : view.init) {
    if (isSidecar(*each.spec) && !each.report.ready()) unready.push_back(each.report.name());
  }
  for (const ContainerView& each : view.main) {
    if (!each.report.ready()) unready.push_back(each.report.name());
  }
  if (unready.empty()) return {"ContainersReady", "True", "", ""};
  return {"ContainersReady", "False", "ContainersNotReady", "containers with unready status: " + bracketed(unready)};
}

ConditionValue ready(const Object& pod, ConditionValue containers) {
  containers.type = "Ready";
  if (containers.status != "True") return containers;
  std::vector<std::string> problems;
  for (const auto& gate : kube::items(pod, {"spec", "readinessGates"})) {
    const std::string type(kube::text(kube::objectOf(gate), {"conditionType"}));
    std::string_view status;
    bool exists = false;
    for (const auto& condition : kube::items(pod, {"status", "conditions"})) {
      if (kube::text(kube::objectOf(condition), {"type"}) != type) continue;
      exists = true;
      status = kube::text(kube::objectOf(condition), {"status"});
    }
    if (!exists) {
      problems.push_back(fmt::format("corresponding condition of pod readiness gate \"{}\" does not exist.", type));
    } else if (status != "True") {
      problems.push_back(fmt::format("the status of pod readiness gate \"{}\" is not \"True\", but {}", type, status));
    }
  }
  if (problems.empty()) return containers;
  return {"Ready", "False", "ReadinessGatesNotReady", join(problems, ", ")};
}

}  // namespace

PodView viewOf(const Object& pod, const PodReport& report) {
  PodView view;
  const bool has_init = !kube::items(pod, {"spec", "initContainers"}).empty();
  for (const auto& item : kube::items(pod, {"spec", "initContainers"})) {
    view.init.push_back(viewOfContainer(kube::objectOf(item), report, ContainerReport::INIT, true));
  }
  for (const auto& item : kube::items(pod, {"spec", "containers"})) {
    view.main.push_back(viewOfContainer(kube::objectOf(item), report, ContainerReport::MAIN, has_init));
  }
  for (const auto& item : kube::items(pod, {"spec", "ephemeralContainers"})) {
    view.ephemeral.push_back(viewOfContainer(kube::objectOf(item), report, ContainerReport::EPHEMERAL, false));
  }
  return view;
}

std::string phaseOf(const Object& pod, const PodView& view, const PodReport& report) {
  if (report.stage() == PodReport::SUCCEEDED) return "Succeeded";
  if (report.stage() == PodReport::FAILED) return "Failed";
  if (report.stage() != PodReport::RUNNING)
    return kube::text(pod, {"status", "phase"}) == "Running" ? "Running" : "Pending";
  for (const ContainerView& each : view.init) {
    if (!initDone(each) && !(isSidecar(*each.spec) && each.report.has_last_terminated())) return "Pending";
  }
  // A container that waits to be started again has run, so the pod goes on running (kubelet, getPhase).
  const bool fresh = std::any_of(view.main.begin(), view.main.end(), [](const ContainerView& each) {
    return each.report.has_waiting() && !each.report.has_last_terminated();
  });
  return fresh ? "Pending" : "Running";
}

std::vector<ConditionValue> conditionsOf(const Object& pod, const PodView& view, const PodReport& report,
                                         const std::string& phase) {
  const bool sandbox = report.stage() == PodReport::RUNNING;
  const ConditionValue containers = containersReady(view, phase);
  std::vector<ConditionValue> out = {{"PodReadyToStartContainers", sandbox ? "True" : "False", "", ""},
                                     initialized(view, phase),
                                     ready(pod, containers),
                                     containers,
                                     {"PodScheduled", "True", "", ""}};
  // A Job may be told not to count such ends (podFailurePolicy).
  const bool disrupted =
      report.reason() == "Preempted" || report.reason() == "NodeFail" || report.reason() == "Evicted";
  if (phase == "Failed" && disrupted) {
    out.push_back({"DisruptionTarget", "True", "TerminationByKubelet", report.message()});
  }
  return out;
}

}  // namespace slipway::pod
