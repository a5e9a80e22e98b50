#include "agent/attempt_phase.h"

namespace slipway::agent {
namespace {

/// One letter for each phase, a row for each event: what each phase becomes.
char letter(Phase phase) {
  return "isuRnWAVE"[static_cast<int>(phase)];
}

TEST(AttemptPhase, EveryTransition) {
  const std::vector<std::pair<Event, std::string>> table = {
      //                            isuRnWAVE
      {Event::SubmitStarted, /*   */ "ssussWAVE"}, {Event::SubmitAccepted, /*   */ "iWWRnWAVE"},
      {Event::SubmitRefused, /*   */ "iRuRnWAVE"}, {Event::SubmitNotSubmitted, "inuRnWAVE"},
      {Event::SubmitUnknown, /*   */ "iuuRnWAVE"}, {Event::AgentRestarted, /*   */ "uuuRnWAVE"},
      {Event::JobFound, /*        */ "WWWWWWAVE"}, {Event::AbsenceProven, /*    */ "isnRnWAVE"},
      {Event::CancelledUnsent, /* */ "EsuEEWAVE"}, {Event::SlurmWaiting, /*     */ "isuRnWWWE"},
      {Event::SlurmActive, /*     */ "isuRnAAAE"}, {Event::SlurmFinal, /*       */ "isuRnEEEE"},
      {Event::SlurmMissing, /*    */ "isuRnVVVE"}, {Event::AccountedFinal, /*   */ "isuRnWAEE"},
      {Event::ReportedFinal, /*   */ "isuRnEEEE"}, {Event::LostUnbegun, /*      */ "isuRnWAnE"},
  };
  ASSERT_EQ(table.size(), static_cast<size_t>(kEvents));
  for (const auto& [event, row] : table) {
    std::string got;
    for (int phase = 0; phase < kPhases; ++phase) got += letter(transition(static_cast<Phase>(phase), event));
    EXPECT_EQ(got, row) << "event " << static_cast<int>(event);
  }
}

TEST(AttemptPhase, AnUnknownOutcomeIsNeverSubmittedAgain) {
  EXPECT_EQ(transition(Phase::Unsettled, Event::SubmitStarted), Phase::Unsettled);
  EXPECT_TRUE(mayHaveJob(Phase::Unsettled));
  EXPECT_FALSE(isOver(Phase::Vanished));
}

}  // namespace
}  // namespace slipway::agent
