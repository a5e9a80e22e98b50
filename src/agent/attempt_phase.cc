#include "agent/attempt_phase.h"

namespace slipway::agent {
namespace {

bool hasKnownJob(Phase phase) {
  return phase == Phase::Waiting || phase == Phase::Active || phase == Phase::Vanished;
}

bool isUnsent(Phase phase) {
  return phase == Phase::Intended || phase == Phase::NotSubmitted || phase == Phase::Refused;
}

bool isOpen(Phase phase) {
  return phase == Phase::Submitting || phase == Phase::Unsettled;
}

}  // namespace

Phase transition(Phase phase, Event event) {
  switch (event) {
    case Event::SubmitStarted:
      return isUnsent(phase) ? Phase::Submitting : phase;
    case Event::SubmitAccepted:
      return isOpen(phase) ? Phase::Waiting : phase;
    case Event::SubmitRefused:
      return phase == Phase::Submitting ? Phase::Refused : phase;
    case Event::SubmitNotSubmitted:
      return phase == Phase::Submitting ? Phase::NotSubmitted : phase;
    case Event::SubmitUnknown:
      return phase == Phase::Submitting ? Phase::Unsettled : phase;
    case Event::AgentRestarted:
      // An intent may have reached sbatch before the crash.
      return phase == Phase::Intended || phase == Phase::Submitting ? Phase::Unsettled : phase;
    case Event::JobFound:
      return isOpen(phase) || isUnsent(phase) ? Phase::Waiting : phase;
    case Event::AbsenceProven:
      return phase == Phase::Unsettled ? Phase::NotSubmitted : phase;
    case Event::CancelledUnsent:
      return isUnsent(phase) ? Phase::Ended : phase;
    case Event::SlurmWaiting:
      return hasKnownJob(phase) ? Phase::Waiting : phase;
    case Event::SlurmActive:
      return hasKnownJob(phase) ? Phase::Active : phase;
    case Event::SlurmFinal:
      return hasKnownJob(phase) ? Phase::Ended : phase;
    case Event::SlurmMissing:
      return hasKnownJob(phase) ? Phase::Vanished : phase;
    case Event::AccountedFinal:
      return phase == Phase::Vanished ? Phase::Ended : phase;
    case Event::ReportedFinal:
      return hasKnownJob(phase) ? Phase::Ended : phase;
    case Event::LostUnbegun:
      return phase == Phase::Vanished ? Phase::NotSubmitted : phase;
  }
  return phase;
}

bool isOver(Phase phase) {
  return phase == Phase::Ended || phase == Phase::Refused;
}

bool mayHaveJob(Phase phase) {
  return isOpen(phase) || hasKnownJob(phase);
}

bool mayBeRefused(Phase phase) {
  return phase == Phase::Submitting || isUnsent(phase);
}

std::string_view nameOf(Phase phase) {
  switch (phase) {
    case Phase::Intended:
      return "intended";
    case Phase::Submitting:
      return "submitting";
    case Phase::Unsettled:
      return "unsettled";
    case Phase::Refused:
      return "refused";
    case Phase::NotSubmitted:
      return "not submitted";
    case Phase::Waiting:
      return "waiting";
    case Phase::Active:
      return "active";
    case Phase::Vanished:
      return "vanished";
    case Phase::Ended:
      return "ended";
  }
  return "?";
}

}  // namespace slipway::agent
