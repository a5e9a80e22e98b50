// How attempts end, run again or are cancelled, and what watchers are told.
#include "agent/testing/attempts_fixture.h"
#include "base/log.h"

namespace slipway::agent {
namespace {

TEST_F(AttemptsTest, FinalStatesHaveReasons) {
  const std::vector<std::pair<std::string, std::string>> table = {
      {"TIMEOUT", "TimeLimit"},   {"NODE_FAIL", "NodeFail"},       {"BOOT_FAIL", "NodeFail"},
      {"PREEMPTED", "Preempted"}, {"OUT_OF_MEMORY", "OOMKilled"},  {"CANCELLED", "Cancelled"},
      {"FAILED", "Error"},        {"DEADLINE", "DeadlineExceeded"}};
  for (const auto& [state, reason] : table) {
    const std::string uid = "pod-" + state;
    const auto job = submit(uid);
    ASSERT_TRUE(job.has_value());
    driver.jobs[*job].state = state;
    driver.jobs[*job].nodes = "n1";
    pollAfter(1);
    EXPECT_EQ(stage(uid), "QUEUED") << state << ": the report may still come";
    pollAfter(20);
    EXPECT_EQ(stage(uid), "FAILED") << state;
    EXPECT_EQ(report(uid).reason(), reason);
  }
}

TEST_F(AttemptsTest, SlurmKnowsWhyTheSupervisorWasStopped) {
  const auto job = submit();
  driver.jobs[*job].state = "RUNNING";
  pollAfter(15);
  supervisorSays(PodReport::FAILED);
  EXPECT_EQ(stage(), "RUNNING") << "Slurm may requeue it";
  EXPECT_TRUE(attempts->wantsPoll().isSet());
  driver.jobs[*job].state = "TIMEOUT";
  pollAfter(15);
  EXPECT_EQ(stage(), "FAILED");
  EXPECT_EQ(report().reason(), "TimeLimit");
  EXPECT_EQ(report().containers_size(), 1);
}

TEST_F(AttemptsTest, ARequeueIsARestartAndNoEnd) {
  const auto job = submitRunning();
  supervisorSays(PodReport::RUNNING);
  driver.jobs[*job].state = "PENDING";
  driver.jobs[*job].nodes = "";
  driver.jobs[*job].restarts = 1;
  pollAfter(15);
  EXPECT_EQ(stage(), "QUEUED");
  EXPECT_EQ(report().slurm_restarts(), 1U);
  EXPECT_EQ(report().containers_size(), 0);
  driver.jobs[*job].state = "RUNNING";
  pollAfter(15);
  EXPECT_EQ(stage(), "STARTING");
  supervisorSays(PodReport::RUNNING);
  EXPECT_EQ(stage(), "STARTING") << "a late report of the run before";
  supervisor_restarts = 1;
  supervisorSays(PodReport::RUNNING);
  EXPECT_EQ(stage(), "RUNNING");
}

TEST_F(AttemptsTest, WhatSlurmToldToEndHasNotEndedBeforeItSaysSo) {
  const auto job = submitRunning();
  supervisorRuns();
  for (const auto said : {PodReport::RUNNING, PodReport::FAILED}) {
    supervisorWasTold(said);
    EXPECT_EQ(stage(), "RUNNING");
    ASSERT_EQ(report().containers_size(), 1);
    EXPECT_TRUE(report().containers(0).has_running()) << "no API server takes it back once it has ended";
    EXPECT_EQ(report().reason(), "");
  }
  driver.jobs[*job].state = "CANCELLED";
  pollAfter(15);
  EXPECT_EQ(stage(), "FAILED");
  EXPECT_EQ(report().containers(0).terminated().exit_code(), 143);
}

TEST_F(AttemptsTest, WhatSlurmToldToEndMayRunAgain) {
  const auto job = submitRunning();
  supervisorRuns();
  supervisorWasTold(PodReport::FAILED);
  driver.jobs[*job].state = "PENDING";
  driver.jobs[*job].nodes = "";
  driver.jobs[*job].restarts = 1;
  pollAfter(15);
  EXPECT_EQ(stage(), "QUEUED");
  EXPECT_FALSE(report().containers_size() > 0 && report().containers(0).has_terminated());
}

TEST_F(AttemptsTest, TheRecordOfARefusedJobIsNoEnd) {
  driver.submit_outcomes.push_back({Kind::Refused, 0, {Code::BadRequest, "Memory specification can not be satisfied"}});
  EXPECT_FALSE(submit().has_value());
  slurm::testing::FakeJob& kept = driver.jobs[500];
  kept.state = "FAILED";
  kept.comment = driver.submissions.back().comment;
  kept.work_dir = driver.submissions.back().directory;
  pollAfter(15);
  pollAfter(30);
  EXPECT_EQ(stage(), "REFUSED");
  EXPECT_EQ(report().message(), "Memory specification can not be satisfied");
}

TEST_F(AttemptsTest, AReportOfTheNewRunMayComeBeforeThePollThatTellsOfIt) {
  const auto job = submitRunning();
  supervisorSays(PodReport::FAILED);
  supervisor_restarts = 1;
  supervisorSays(PodReport::RUNNING);
  driver.jobs[*job].restarts = 1;
  pollAfter(15);
  EXPECT_EQ(stage(), "RUNNING");
  EXPECT_EQ(report().containers_size(), 1);
  supervisorSays(PodReport::SUCCEEDED);
  EXPECT_EQ(stage(), "SUCCEEDED");
}

TEST_F(AttemptsTest, ARunThatSlurmForgotAndStartsAgainIsARestartThatNobodyCounted) {
  const auto job = submitRunning();
  supervisorSays(PodReport::RUNNING);
  supervisorSays(PodReport::FAILED);  // slurmd ended what slurmctld does not know to have started
  driver.jobs[*job].state = "PENDING";
  driver.jobs[*job].nodes = "";
  pollAfter(15);
  EXPECT_EQ(stage(), "QUEUED");
  EXPECT_EQ(report().containers_size(), 0);
  driver.jobs[*job].state = "RUNNING";
  pollAfter(15);
  EXPECT_EQ(stage(), "STARTING");
  supervisorSays(PodReport::SUCCEEDED);
  EXPECT_EQ(stage(), "SUCCEEDED");
  // And once more, after the pod's end: that is one too many.
  driver.jobs[*job].state = "PENDING";
  pollAfter(15);
  ASSERT_EQ(driver.cancels.size(), 1U);
}

TEST_F(AttemptsTest, ARunThatEndedWellAfterARequeueIsTheEnd) {
  const auto job = submitRunning();
  supervisorSays(PodReport::RUNNING);
  // slurmctld has forgotten the start, slurmd refuses a second copy ("Duplicate jobid"): requeued, while the first
  // runs.
  driver.jobs[*job] = {.state = "PENDING", .reason = "BeginTime", .comment = "slipway:c:u1:0", .restarts = 1};
  pollAfter(15);
  EXPECT_EQ(stage(), "QUEUED");
  EXPECT_NE(report().message().find("requeued"), std::string::npos);
  supervisorSays(PodReport::SUCCEEDED);
  EXPECT_EQ(stage(), "SUCCEEDED");
  pollAfter(15);
  EXPECT_EQ(driver.cancels.size(), 1U) << "it is not run again";
}

TEST_F(AttemptsTest, AProgramThatEndsWellAtItsTimeLimitWasStoppedAllTheSame) {
  const auto job = submitRunning();
  PodReport said;
  said.set_pod_uid("u1");
  said.set_sequence(1);
  said.set_stage(PodReport::FAILED);
  said.set_reason("Error");
  said.add_containers()->mutable_terminated()->set_exit_code(0);
  attempts->report("u1/0", said);
  driver.jobs[*job].state = "FAILED";
  driver.jobs[*job].end_time = "2026-01-01T00:09:55";  // of ten minutes
  pollAfter(15);
  EXPECT_EQ(stage(), "FAILED");
  EXPECT_EQ(report().reason(), "TimeLimit");
}

TEST_F(AttemptsTest, AJobThatWaitsForSomebodySaysForWhomOnce) {
  const auto job = submit();
  driver.jobs[*job].reason = "JobHeldAdmin";
  pollAfter(15);
  EXPECT_EQ(stage(), "QUEUED");
  EXPECT_EQ(report().reason(), "JobHeldAdmin");
  EXPECT_NE(report().message().find(fmt::format("scontrol release {}", *job)), std::string::npos);
  uint64_t version = 0;
  auto told = attempts->reportsSince(version);
  ASSERT_EQ(told.size(), 1U);
  ASSERT_EQ(told[0].events_size(), 1);
  EXPECT_EQ(told[0].events(0).reason(), "SlurmJobWaits");
  pollAfter(15);
  EXPECT_TRUE(attempts->reportsSince(version).empty());
  driver.jobs[*job].reason = "Priority";
  pollAfter(15);
  told = attempts->reportsSince(version);
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(told[0].events_size(), 0);
  EXPECT_EQ(told[0].message(), "");
}

TEST_F(AttemptsTest, AJobThatSlurmCouldNotStartAndHoldsIsReplacedIfItNeverRan) {
  for (const bool ran : {false, true}) {
    const std::string uid = ran ? "u2" : "u1";
    const auto job = submit(uid);
    if (ran) {
      std::filesystem::create_symlink(fmt::format("{}", *job),
                                      attempts->directoryOf(*attempts->find(uid)).path() / "owner");
    }
    driver.jobs[*job].reason = "launch_failed_requeued_held";
    driver.cancels.clear();
    pollAfter(15);
    ASSERT_EQ(driver.cancels.size(), ran ? 0U : 1U);
    if (ran) continue;
    if (driver.jobs[*job].state == "CANCELLED") restart();
    pollAfter(15);
    EXPECT_EQ(stage(uid), "REFUSED");
    EXPECT_NE(report(uid).message().find("could not start"), std::string::npos);
    const auto second = submit(uid);
    ASSERT_TRUE(second.has_value());
    EXPECT_NE(*second, *job);
    pollAfter(15);
    EXPECT_EQ(report(uid).job_id(), *second) << "the cancelled one is none of its";
    EXPECT_EQ(stage(uid), "QUEUED");
    restart();
    pollAfter(15);
    EXPECT_EQ(report(uid).job_id(), *second);
    EXPECT_EQ(driver.cancels.size(), 1U);
  }
}

TEST_F(AttemptsTest, ARequeueAfterTheEndIsCancelled) {
  for (const bool agent_restarted : {false, true}) {
    const auto job = submit(agent_restarted ? "u2" : "u1");
    auto& shown = driver.jobs[*job];
    shown.state = "RUNNING";
    shown.nodes = "n1";
    pollAfter(15);
    shown.state = "COMPLETED";
    pollAfter(15);
    pollAfter(30);
    ASSERT_TRUE(driver.cancels.empty());
    if (agent_restarted) restart();
    shown.state = "PENDING";
    shown.nodes = "";
    shown.restarts = 1;
    driver.cancel_errors.push_back(Error(Code::Timeout, "slurmctld does not answer"));
    pollAfter(15);
    pollAfter(15);
    ASSERT_EQ(driver.cancels.size(), 2U) << "tried until the job has ended";
    EXPECT_EQ(driver.cancels[1], (std::pair{*job, CancelHow::Kill}));
    pollAfter(15);
    EXPECT_EQ(driver.cancels.size(), 2U);
    driver.cancels.clear();
  }
}

TEST_F(AttemptsTest, AFailureBeforeARequeueIsNoEnd) {
  const auto job = submitRunning();
  PodReport stopped;
  stopped.set_pod_uid("u1");
  stopped.set_sequence(7);
  stopped.set_stage(PodReport::FAILED);
  ASSERT_TRUE(pod::writeReport(attempts->directoryOf(*attempts->find("u1")), stopped));
  driver.jobs[*job].state = "COMPLETING";
  pollAfter(1);
  EXPECT_EQ(stage(), "RUNNING");
  driver.jobs[*job] = {.state = "PENDING", .comment = "slipway:c:u1:0", .restarts = 1};
  pollAfter(1);
  EXPECT_EQ(stage(), "QUEUED");
  driver.jobs[*job].state = "RUNNING";
  pollAfter(15);
  EXPECT_EQ(stage(), "STARTING");
  supervisor_sequence = 7;
  supervisor_restarts = 1;
  supervisorSays(PodReport::SUCCEEDED);
  EXPECT_EQ(stage(), "SUCCEEDED");
}

TEST_F(AttemptsTest, AFailureIsFinalWhenSlurmSaysSo) {
  const auto job = submit();
  driver.jobs[*job].state = "RUNNING";
  pollAfter(1);
  supervisorSays(PodReport::FAILED, "Error");
  driver.jobs[*job].state = "FAILED";
  pollAfter(1);
  EXPECT_EQ(stage(), "FAILED");
  EXPECT_EQ(report().reason(), "Error");
}

TEST_F(AttemptsTest, PodDeletedWhileJobPending_CancelsTheJob) {
  const auto job = submit();
  EXPECT_TRUE(attempts->cancel("u1", 30).value());
  pursue();
  ASSERT_EQ(driver.cancels.size(), 1U);
  EXPECT_EQ(driver.cancels[0], std::pair(*job, CancelHow::Kill));
  pollAfter(1);
  EXPECT_EQ(stage(), "FAILED");
  EXPECT_EQ(report().reason(), "Cancelled");
  EXPECT_FALSE(attempts->cancel("u1", 30).value());
  EXPECT_FALSE(attempts->cancel("nobody", 30).value());
}

TEST_F(AttemptsTest, ARunningPodGetsItsGracePeriod) {
  const auto job = submit();
  driver.jobs[*job].state = "RUNNING";
  pollAfter(1);
  attempts->cancel("u1", 10).value();
  pursue();
  ASSERT_EQ(driver.cancels.size(), 1U);
  EXPECT_EQ(driver.cancels[0].second, CancelHow::TermBatch);
  clock.advance(std::chrono::seconds(10));
  pursue();
  EXPECT_EQ(driver.cancels.size(), 1U);
  clock.advance(std::chrono::seconds(6));
  pursue();
  ASSERT_EQ(driver.cancels.size(), 2U);
  EXPECT_EQ(driver.cancels[1].second, CancelHow::Kill);
}

Task<bool> tellNobody(std::vector<std::string>& told, std::string key) {
  told.push_back(key);
  co_return true;
}

TEST_F(AttemptsTest, AConnectedSupervisorIsAskedFirst) {
  std::vector<std::string> told;
  attempts->setHub([&told](std::string key, int64_t) { return tellNobody(told, key); }, nullptr);
  const auto job = submit();
  driver.jobs[*job].state = "RUNNING";
  pollAfter(1);
  attempts->cancel("u1", 10).value();
  pursue();
  pursue();
  EXPECT_EQ(told, std::vector<std::string>{"u1/0"});
  EXPECT_TRUE(driver.cancels.empty());
}

TEST_F(AttemptsTest, CancelledWhileSlurmWasDown_IsCancelledOnReturn) {
  submit().value();
  driver.cancel_errors.assign(3, Error{Code::ServiceUnavailable, "away"});
  attempts->cancel("u1", 0).value();
  for (int i = 0; i < 3; ++i) {
    pursue();
    clock.advance(std::chrono::seconds(3));
  }
  EXPECT_EQ(driver.jobs[100].state, "PENDING");
  restart();
  pursue();
  EXPECT_EQ(driver.jobs[100].state, "CANCELLED");
}

TEST_F(AttemptsTest, CancelledBeforeItsOutcomeIsKnown_TheJobIsCancelledWhenFound) {
  driver.submit_outcomes.push_back({Kind::Unknown, 0, {Code::Timeout, "timed out"}});
  driver.unknown_makes_job = true;
  EXPECT_FALSE(submit().has_value());
  EXPECT_TRUE(attempts->cancel("u1", 0).value());
  pollAfter(1);
  EXPECT_EQ(driver.jobs[100].state, "CANCELLED");
}

TEST_F(AttemptsTest, WhatIsOverIsForgottenInTheEnd) {
  submit().value();
  attempts->cancel("u1", 0).value();
  pursue();
  pollAfter(1);
  EXPECT_EQ(stage(), "FAILED");
  pollAfter(700);
  EXPECT_EQ(attempts->find("u1"), nullptr);
  EXPECT_FALSE(std::filesystem::exists(directory.path() / "pods" / "u1"));
  restart();
  EXPECT_EQ(attempts->find("u1"), nullptr);
}

TEST_F(AttemptsTest, ReportsComeOnceAndInOrder) {
  submit("a").value();
  submit("b").value();
  uint64_t version = 0;
  EXPECT_EQ(attempts->reportsSince(version).size(), 2U);
  EXPECT_TRUE(attempts->reportsSince(version).empty());
  const uint64_t before = report("a").sequence();
  driver.jobs[100].state = "RUNNING";
  pollAfter(1);
  const auto changed = attempts->reportsSince(version);
  ASSERT_EQ(changed.size(), 1U);
  EXPECT_EQ(changed[0].pod_uid(), "a");
  EXPECT_GT(changed[0].sequence(), before);
}

TEST_F(AttemptsTest, EventsOfReportsThatFollowQuicklyAreAllTold) {
  ASSERT_TRUE(submit().has_value());
  uint64_t version = 0;
  attempts->reportsSince(version);
  PodReport report;
  report.set_pod_uid("u1");
  report.set_stage(PodReport::RUNNING);
  for (const char* reason : {"Failed", "BackOff", ""}) {
    report.set_sequence(report.sequence() + 1);
    report.clear_events();
    if (*reason != 0) report.add_events()->set_reason(reason);
    attempts->report("u1/0", report);
  }
  const auto told = attempts->reportsSince(version);
  ASSERT_EQ(told.size(), 1U);
  ASSERT_EQ(told[0].events_size(), 2);
  EXPECT_EQ(told[0].events(1).reason(), "BackOff");
}

TEST(Journal, ATornLineIsLeftOut) {
  log::configure(log::Level::Error, log::Format::Text);
  const TemporaryDirectory directory;
  const auto path = directory.path() / "journal";
  {
    auto journal = SubmissionJournal::open(path);
    ASSERT_TRUE(journal->put({.uid = "a", .phase = Phase::Waiting, .job_id = 7}));
    ASSERT_TRUE(journal->put({.uid = "b", .phase = Phase::Intended}));
  }
  const std::string text = readFile(path).value();
  for (size_t size = 0; size <= text.size(); ++size) {
    ASSERT_TRUE(writeFileAtomic(path, text.substr(0, size)));
    const auto journal = SubmissionJournal::open(path);
    ASSERT_TRUE(journal.has_value()) << size;
    EXPECT_EQ(journal->entries().size(), size == 0 ? 0U : size + 1 >= text.size() ? 2U : journal->entries().size());
  }
}

TEST(Journal, ASecondAgentIsRefused) {
  const TemporaryDirectory directory;
  const auto first = SubmissionJournal::open(directory.path() / "journal");
  const auto second = SubmissionJournal::open(directory.path() / "journal");
  ASSERT_FALSE(second.has_value());
  EXPECT_NE(second.error().message.find("another agent"), std::string::npos);
}

TEST_F(AttemptsTest, ASupervisorThatTheKernelKilledForMemoryIsAPodOutOfMemory) {
  const auto job = submitRunning();
  supervisorSays(PodReport::FAILED, "SupervisorKilled");
  driver.jobs[*job].state = "OUT_OF_MEMORY";
  pollAfter(15);
  EXPECT_EQ(stage(), "FAILED");
  EXPECT_EQ(report().reason(), "OOMKilled");
}

TEST_F(AttemptsTest, APodThatEndedWellAfterAKillForMemoryEndedWell) {
  const auto job = submitRunning();
  supervisorSays(PodReport::SUCCEEDED);
  driver.jobs[*job].state = "OUT_OF_MEMORY";
  pollAfter(15);
  EXPECT_EQ(stage(), "SUCCEEDED");
}

}  // namespace
}  // namespace slipway::agent
