#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "proto/site.pb.h"

namespace slipway::bridge {

/// What a job's state means for the Pods that show it.
struct JobPhase {
  std::string phase;       ///< Pending, Running, Succeeded, Failed
  std::string reason;      ///< for status.reason and the container: "TimeLimit", "Suspended"; empty: nothing special
  bool allocated = false;  ///< its nodes are taken: Pods are bound
  bool finished = false;   ///< Slurm says that it is over, and it is not going to be requeued
  int exit_code = 0;       ///< when finished; never 0 for a failure
};

/// Slurm's base states and the flag states that scontrol prints in their place. An unknown state counts as running
/// where nodes are allocated and as pending elsewhere, and is named in the reason: nothing is final before Slurm says
/// so.
JobPhase phaseOf(const site::v1::Job& job);

}  // namespace slipway::bridge
