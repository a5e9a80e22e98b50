#pragma once

#include <string_view>

namespace slipway::agent {

/// Where one attempt of a pod stands, as the agent knows it.
enum class Phase {
  Intended,      ///< the intent is in the journal; sbatch has not been called
  Submitting,    ///< sbatch runs
  Unsettled,     ///< sbatch's outcome is unknown, or the agent restarted meanwhile: there may be a job
  Refused,       ///< Slurm said no; this attempt has no job
  NotSubmitted,  ///< proven that there is no job, for a reason that may pass; the same attempt may be submitted again
  Waiting,       ///< the job is in Slurm and does not run (also after a requeue)
  Active,        ///< the job runs, or holds its nodes while it ends
  Vanished,      ///< a good answer of Slurm did not have the job any more: nothing may be concluded from that alone
  Ended,         ///< final
};

enum class Event {
  SubmitStarted,
  SubmitAccepted,
  SubmitRefused,
  SubmitNotSubmitted,
  SubmitUnknown,
  AgentRestarted,   ///< the journal was read
  JobFound,         ///< a job with the attempt's comment was seen
  AbsenceProven,    ///< no such job in a poll that began long enough after sbatch ended, nor in accounting
  CancelledUnsent,  ///< cancelled while there was no job
  SlurmWaiting,
  SlurmActive,
  SlurmFinal,
  SlurmMissing,    ///< absent from a good poll
  AccountedFinal,  ///< sacct knows how it ended
  ReportedFinal,   ///< the supervisor's report says how it ended
  LostUnbegun,     ///< slurmctld lost the job before it began: killed before it had saved its state
};

/// The phase after the event. An event that makes no sense in a phase leaves it as it is: messages cross.
Phase transition(Phase phase, Event event);

/// No job of this attempt can run any more.
bool isOver(Phase phase);
/// There is, or may be, a job.
bool mayHaveJob(Phase phase);
/// sbatch has refused it, or may be about to.
bool mayBeRefused(Phase phase);
std::string_view nameOf(Phase phase);

inline constexpr int kPhases = static_cast<int>(Phase::Ended) + 1;
inline constexpr int kEvents = static_cast<int>(Event::LostUnbegun) + 1;

}  // namespace slipway::agent
