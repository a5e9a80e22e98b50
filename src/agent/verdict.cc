#include "agent/verdict.h"

#include "base/strings.h"
#include "slurm/states.h"

namespace slipway::agent {

using site::v1::PodReport;

bool isFinalStage(PodReport::Stage stage) {
  return stage == PodReport::SUCCEEDED || stage == PodReport::FAILED;
}

Verdict verdictOf(const OwnJob& job, bool cancelled_by_us) {
  const std::string state = slurm::parseJobState(job.state).base;
  const auto failed = [&](std::string reason, std::string what) {
    return Verdict{PodReport::FAILED, std::move(reason), fmt::format("Slurm job {} {}", job.id, what)};
  };
  if (state == "COMPLETED") return {PodReport::SUCCEEDED, "", ""};
  if (state == "TIMEOUT") return failed("TimeLimit", "reached its time limit");
  if (state == "DEADLINE") return failed("DeadlineExceeded", "could not end before its deadline");
  if (state == "NODE_FAIL") return failed("NodeFail", fmt::format("lost its node {}", job.node));
  if (state == "BOOT_FAIL") return failed("NodeFail", fmt::format("could not start: node {} failed to boot", job.node));
  if (state == "PREEMPTED") return failed("Preempted", "was preempted");
  if (state == "OUT_OF_MEMORY") return failed("OOMKilled", "used more memory than it was given");
  if (state == "CANCELLED") {
    return failed("Cancelled",
                  cancelled_by_us ? "was cancelled because the pod was deleted" : "was cancelled in Slurm");
  }
  if (state == kLostState) {
    return failed("JobLost",
                  "was lost by Slurm while it ran: slurmctld was restarted with a state in which there is no such job, "
                  "and slurmd ends jobs that slurmctld does not know. Its supervisor has gone as well. See "
                  "StateSaveLocation and slurmctld's log");
  }
  if (job.exit_signal != 0) return failed("Error", fmt::format("was ended by signal {}", job.exit_signal));
  return failed("Error", fmt::format("ended as {} with exit code {}{}", job.state, job.exit_code,
                                     job.reason.empty() || job.reason == "None" ? "" : ": " + job.reason));
}

void amend(PodReport& report, const Verdict& verdict) {
  const bool slurm_knows_better = verdict.stage == PodReport::FAILED && verdict.reason != "Error";
  if (report.stage() != PodReport::FAILED || !slurm_knows_better) return;
  // The kernel may choose the supervisor.
  const bool killed_for_memory = report.reason() == "SupervisorKilled" && verdict.reason == "OOMKilled";
  if (!report.reason().empty() && report.reason() != "Error" && !killed_for_memory) return;
  report.set_reason(verdict.reason);
  if (report.message().empty()) report.set_message(verdict.message);
}

bool wasStopped(const PodReport& report) {
  bool stopped = false;
  bool all_well = report.containers_size() > 0;
  for (const auto& container : report.containers()) {
    const auto& end = container.terminated();
    const bool by_signal = end.signal() == 15 || end.signal() == 9 || end.exit_code() == 143 || end.exit_code() == 137;
    stopped = stopped || by_signal;
    all_well = all_well && container.has_terminated() && end.exit_code() == 0 && end.signal() == 0;
  }
  // A program may end well when it is told to end: a pod that failed all the same was told so.
  return stopped || (all_well && report.stage() == PodReport::FAILED);
}

bool endedByTimeSignal(const OwnJob& job, const PodReport& report, int64_t grace_seconds) {
  if (job.limit_seconds == 0 || job.start_time == 0 || job.end_time == 0) return false;
  if (job.end_time - job.start_time < job.limit_seconds - grace_seconds - 60) return false;
  return wasStopped(report);
}

bool isHeldByFailedLaunch(const OwnJob& job) {
  const std::string reason = toLower(job.reason);
  return reason.find("launch") != std::string::npos && reason.find("held") != std::string::npos;
}

std::string whatToDoAboutWaiting(const OwnJob& job) {
  const std::string reason = toLower(job.reason);
  const auto says = [&](std::string_view text) { return reason.find(text) != std::string::npos; };
  const std::string id = fmt::format("{}", job.id);
  if (isHeldByFailedLaunch(job)) {
    return fmt::format(
        "Slurm could not start job {0} and holds it: see `scontrol show job {0}` and slurmd's log. If it never ran, it "
        "is "
        "cancelled and submitted again; otherwise an administrator can `scontrol release {0}`, or delete the pod",
        id);
  }
  if (says("held")) {
    return fmt::format("job {0} is held: `scontrol release {0}` lets it run; or delete the pod", id);
  }
  if (says("begintime") && job.restarts > 0) {
    return fmt::format("Slurm has requeued job {} and lets it wait for about two minutes before it runs again", id);
  }
  if (says("reqnodenotavail") || says("nodes_required") || says("nodes required") || says("nodedown")) {
    return fmt::format(
        "the node that job {0} is bound to takes no jobs: see `sinfo -R` on the login node for why, and `scontrol "
        "update "
        "NodeName=... State=RESUME` when it is mended; or delete the pod, so that another can be made elsewhere",
        id);
  }
  if (says("jobholdmaxrequeue")) {
    return fmt::format("Slurm has requeued job {0} too often and holds it: `scontrol release {0}`, or delete the pod",
                       id);
  }
  if (says("dependencyneversatisfied") || says("partitiondown") || says("partitioninactive") ||
      says("partitionnodelimit") || says("partitiontimelimit") || says("badconstraints") ||
      says("reservationdeleted") || says("invalidaccount") || says("invalidqos")) {
    return fmt::format("job {} cannot start as it is ({}): ask the site, or delete the pod and make it anew", id,
                       job.reason);
  }
  return "";
}

}  // namespace slipway::agent
