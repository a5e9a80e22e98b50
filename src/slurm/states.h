#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace slipway::slurm {

/// A state as Slurm prints it, taken apart: one base state and any number of flags, all upper case.
struct State {
  std::string base;
  std::vector<std::string> flags;

  bool has(std::string_view flag) const;
  bool operator==(const State&) const = default;
};

/// "IDLE+DRAIN", "MIXED*+DRAIN", "DOWN~", "IDLE*+DRAIN*+POWERED_DOWN". The suffix characters of sinfo become flags:
/// * NOT_RESPONDING, ~ POWERED_DOWN, # POWERING_UP, ! POWER_DOWN (pending), % POWERING_DOWN, $ MAINTENANCE,
/// @ REBOOT_REQUESTED, ^ REBOOT_ISSUED, - PLANNED. Short forms of older versions (ALLOC, MAINT, DRAINED, ...) become
/// the long ones. An unknown base stays as Slurm said it.
State parseNodeState(std::string_view text);

/// "RUNNING", "COMPLETING", "CANCELLED by 1000", "REQUEUED+CONFIGURING", "RUNNING,COMPLETING".
/// Where scontrol prints a flag in place of the base state, the base is the one that makes nothing final: a COMPLETING
/// job still holds its nodes (RUNNING), a REQUEUED or SPECIAL_EXIT one waits (PENDING).
State parseJobState(std::string_view text);

/// The job has ended and will not run again under this id: COMPLETED, CANCELLED, FAILED, TIMEOUT, NODE_FAIL, PREEMPTED,
/// BOOT_FAIL, DEADLINE, OUT_OF_MEMORY, without a flag that says that it goes on (COMPLETING, REQUEUED, ...).
/// slurmctld shows NODE_FAIL and PREEMPTED with the job still to be requeued only together with such a flag.
bool isFinal(const State& state);

}  // namespace slipway::slurm
