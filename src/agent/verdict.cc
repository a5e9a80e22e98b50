#include "agent/verdict.h"

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
  if (job.exit_signal != 0) return failed("Error", fmt::format("was ended by signal {}", job.exit_signal));
  return failed("Error", fmt::format("ended as {} with exit code {}{}", job.state, job.exit_code,
                                     job.reason.empty() || job.reason == "None" ? "" : ": " + job.reason));
}

void amend(PodReport& report, const Verdict& verdict) {
  const bool slurm_knows_better = verdict.stage == PodReport::FAILED && verdict.reason != "Error";
  if (report.stage() != PodReport::FAILED || !slurm_knows_better) return;
  if (!report.reason().empty() && report.reason() != "Error") return;
  report.set_reason(verdict.reason);
  if (report.message().empty()) report.set_message(verdict.message);
}

bool endedByTimeSignal(const OwnJob& job, const PodReport& report, int64_t grace_seconds) {
  if (job.limit_seconds == 0 || job.start_time == 0 || job.end_time == 0) return false;
  if (job.end_time - job.start_time < job.limit_seconds - grace_seconds - 60) return false;
  return std::any_of(report.containers().begin(), report.containers().end(), [](const auto& container) {
    const auto& end = container.terminated();
    return end.signal() == 15 || end.signal() == 9 || end.exit_code() == 143 || end.exit_code() == 137;
  });
}

}  // namespace slipway::agent
