#pragma once

#include <string>
#include <string_view>

#include "agent/inventory.h"
#include "proto/site.pb.h"

namespace slipway::agent {

/// How an attempt ended: by Slurm's word, where the supervisor left none.
struct Verdict {
  site::v1::PodReport::Stage stage = site::v1::PodReport::UNKNOWN;
  std::string reason;  ///< TimeLimit, DeadlineExceeded, NodeFail, Preempted, OOMKilled, Cancelled, JobLost, Error
  std::string message;
};

/// `cancelled_by_us`: the pod was deleted; else a cancelled job was cancelled in Slurm.
Verdict verdictOf(const OwnJob& job, bool cancelled_by_us);

/// The supervisor's last words, amended by what only Slurm knows: it saw a TERM, Slurm knows that the time was up.
void amend(site::v1::PodReport& report, const Verdict& verdict);

/// A container was told to end from outside, by what is left of it.
bool wasStopped(const site::v1::PodReport& report);

/// The job ended so near its time limit that the TERM that Slurm sends before it (--signal, up to a minute early) is
/// why its containers were stopped: Slurm calls such a job FAILED, because it ended before the limit.
bool endedByTimeSignal(const OwnJob& job, const site::v1::PodReport& report, int64_t grace_seconds);

/// The state of an attempt whose running job slurmctld lost. None of Slurm's.
inline constexpr std::string_view kLostState = "LOST";

/// Why a job waits that may wait for ever, and what to do; empty for what passes by itself (Priority, Resources, ...).
std::string whatToDoAboutWaiting(const OwnJob& job);

/// Slurm could not start the job and holds it, which only an administrator can undo; whoever owns the job can cancel
/// it.
bool isHeldByFailedLaunch(const OwnJob& job);

bool isFinalStage(site::v1::PodReport::Stage stage);

}  // namespace slipway::agent
