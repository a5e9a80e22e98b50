#pragma once

#include <string>

#include "state.h"

namespace fake_slurm {

/// Applies the faults that the control file and FAKE_SLURM_CONTROL name for this program. Some end the process here.
/// True when the answer is to be lost after the work is done (sbatch).
bool applyFaults(const State& state, const std::string& program);

}  // namespace fake_slurm
