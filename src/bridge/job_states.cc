#include "bridge/job_states.h"

#include <array>

namespace slipway::bridge {
namespace {

enum class Kind { Waiting, Starting, Running, Succeeded, Failed };

struct StateRow {
  std::string_view state;
  Kind kind;
  std::string_view reason;
};

// A requeued or held job waits again; SPECIAL_EXIT is such a hold. RESIZING, SIGNALING, STAGE_OUT and STOPPED keep the
// allocation. REVOKED: another cluster of the federation runs it.
constexpr std::array kStates = {
    StateRow{"PENDING", Kind::Waiting, ""},
    StateRow{"REQUEUED", Kind::Waiting, "Requeued"},
    StateRow{"REQUEUE_HOLD", Kind::Waiting, "RequeueHold"},
    StateRow{"REQUEUE_FED", Kind::Waiting, "RequeueFederation"},
    StateRow{"RESV_DEL_HOLD", Kind::Waiting, "ReservationDeleted"},
    StateRow{"SPECIAL_EXIT", Kind::Waiting, "SpecialExit"},
    StateRow{"CONFIGURING", Kind::Starting, "Configuring"},
    StateRow{"POWER_UP_NODE", Kind::Starting, "PoweringUp"},
    StateRow{"RUNNING", Kind::Running, ""},
    StateRow{"COMPLETING", Kind::Running, "Completing"},
    StateRow{"RESIZING", Kind::Running, "Resizing"},
    StateRow{"SIGNALING", Kind::Running, "Signaling"},
    StateRow{"STAGE_OUT", Kind::Running, "StagingOut"},
    StateRow{"STOPPED", Kind::Running, "Stopped"},
    StateRow{"SUSPENDED", Kind::Running, "Suspended"},
    StateRow{"EXPEDITING", Kind::Waiting, "Expediting"},
    StateRow{"COMPLETED", Kind::Succeeded, "Completed"},
    StateRow{"BOOT_FAIL", Kind::Failed, "BootFail"},
    StateRow{"CANCELLED", Kind::Failed, "Cancelled"},
    StateRow{"DEADLINE", Kind::Failed, "DeadlineExceeded"},
    StateRow{"FAILED", Kind::Failed, "Error"},
    StateRow{"LAUNCH_FAILED", Kind::Failed, "LaunchFailed"},
    StateRow{"RECONFIG_FAIL", Kind::Failed, "ReconfigFailed"},
    StateRow{"NODE_FAIL", Kind::Failed, "NodeFail"},
    StateRow{"OUT_OF_MEMORY", Kind::Failed, "OOMKilled"},
    StateRow{"PREEMPTED", Kind::Failed, "Preempted"},
    StateRow{"REVOKED", Kind::Failed, "Revoked"},
    StateRow{"TIMEOUT", Kind::Failed, "TimeLimit"},
};

constexpr int kHighestSignal = 64;

bool hasFlag(const site::v1::Job& job, std::string_view flag) {
  return std::find(job.flags().begin(), job.flags().end(), flag) != job.flags().end();
}

StateRow rowOf(const site::v1::Job& job) {
  for (const StateRow& row : kStates) {
    if (row.state == job.state()) return row;
  }
  return {job.state(), job.nodes().empty() ? Kind::Waiting : Kind::Running, "UnknownState"};
}

/// A failure without a code of its own still must not look like success: Slurm gives TIMEOUT and CANCELLED "0:0" or a
/// signal, and an out-of-memory kill "0:125".
int failureCode(const site::v1::Job& job) {
  if (job.state() == "OUT_OF_MEMORY") return 137;
  if (job.exit_code() != 0) return job.exit_code();
  if (job.exit_signal() > 0 && job.exit_signal() <= kHighestSignal) return 128 + job.exit_signal();
  if (job.state() == "TIMEOUT" || job.state() == "CANCELLED" || job.state() == "PREEMPTED") return 143;
  return 1;
}

}  // namespace

JobPhase phaseOf(const site::v1::Job& job) {
  StateRow row = rowOf(job);
  const bool over = row.kind == Kind::Succeeded || row.kind == Kind::Failed;
  if (over && hasFlag(job, "COMPLETING")) row = {"COMPLETING", Kind::Running, "Completing"};
  if (over && (hasFlag(job, "REQUEUED") || hasFlag(job, "REQUEUE_HOLD"))) row = {"REQUEUED", Kind::Waiting, "Requeued"};
  if (row.kind == Kind::Running && hasFlag(job, "CONFIGURING")) row = {"CONFIGURING", Kind::Starting, "Configuring"};
  JobPhase phase;
  phase.reason = row.reason;
  switch (row.kind) {
    case Kind::Waiting:
      phase.phase = "Pending";
      break;
    case Kind::Starting:
      phase.phase = "Pending";
      phase.allocated = !job.nodes().empty();
      break;
    case Kind::Running:
      phase.phase = "Running";
      phase.allocated = true;
      break;
    case Kind::Succeeded:
      phase.phase = "Succeeded";
      phase.finished = true;
      break;
    case Kind::Failed:
      phase.phase = "Failed";
      phase.finished = true;
      phase.exit_code = failureCode(job);
      break;
  }
  // The Pods of a finished job stay on the nodes that it had.
  if (phase.finished) phase.allocated = !job.nodes().empty();
  return phase;
}

}  // namespace slipway::bridge
