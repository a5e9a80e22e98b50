#pragma once

#include "state.h"

namespace fake_slurm {

/// Runs the job's script beside everything else, as slurmd would, and writes down how it ends. Returns at once.
void startJob(const State& state, uint32_t id);
/// `signal` to the script only (`batch`), or to all of the job; with KILL after KillWait when `cancel`.
void signalJob(State& state, uint32_t id, int signal, bool batch, bool cancel);
/// Ends the job's processes and starts it again under the same id.
void requeueJob(State& state, uint32_t id);

}  // namespace fake_slurm
