#pragma once

#include "state.h"

/// What scontrol prints, in the form of Slurm 22.05.
namespace fake_slurm {

void printNodes(const State& state, const std::string& only);
/// False when `only` names a job that is not there.
bool printJobs(const State& state, const std::string& only);
void printConfig(const State& state);
void printSacct(const State& state, const std::string& ids);
std::string timeText(int64_t seconds);

}  // namespace fake_slurm
