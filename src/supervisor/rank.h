#pragma once

#include "supervisor/supervise.h"

namespace slipway::supervisor {

/// `slipway supervise --rank-of`, a task of the step that a supervisor started on all nodes of its pod (ranks.h): one
/// container, its output on this process's own streams, where srun gathers it. Gives the container's exit code. SIGTERM
/// ends it with the pod's grace period, a word on standard input (rank_input.h) with another.
int rankMain(const SupervisorOptions& options, const std::string& container, uint32_t restart);

}  // namespace slipway::supervisor
