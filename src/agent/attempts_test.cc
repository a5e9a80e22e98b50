#include "agent/attempts.h"

#include <sys/resource.h>

#include <csignal>

#include "async/loop.h"
#include "base/log.h"
#include "base/testing/manual_clock.h"
#include "slurm/testing/fake_driver.h"

namespace slipway::agent {
namespace {

using site::v1::PodReport;
using slurm::CancelHow;
using slurm::SubmitOutcome;
using Kind = SubmitOutcome::Kind;

class AttemptsTest : public ::testing::Test {
 protected:
  AttemptsTest() { restart(); }

  /// The agent ends (or is killed) and starts again.
  void restart() {
    attempts.reset();
    auto journal = SubmissionJournal::open(directory.path() / "journal");
    ASSERT_TRUE(journal.has_value()) << journal.error().message;
    AttemptOptions options{.cluster = "c", .state_dir = directory.path(), .binary = "/bin/slipway"};
    attempts = std::make_unique<Attempts>(options, driver, std::move(*journal), clock);
  }

  Result<uint32_t> submit(const std::string& uid = "u1", uint32_t attempt = 0) {
    // With a new journal, Slurm must have been seen.
    if (!std::exchange(slurm_seen, true)) poll();
    return submitNow(uid, attempt);
  }
  Result<uint32_t> submitNow(const std::string& uid = "u1", uint32_t attempt = 0) {
    site::v1::PodPlan plan;
    plan.set_pod_uid(uid);
    plan.set_attempt(attempt);
    plan.set_grace_seconds(30);
    return async::runToEnd(attempts->submit(plan));
  }
  void poll() {
    const int64_t began = std::chrono::system_clock::to_time_t(clock.now());
    Inventory inventory("c", 1000);
    inventory.begin();
    const auto summary = async::runToEnd(driver.poll(inventory));
    if (!summary) return;
    inventory.commit();
    async::runToEnd(attempts->observe(inventory.ownJobs(), began));
  }
  void pursue() { async::runToEnd(attempts->pursueCancellations()); }
  void pollAfter(int seconds) {
    clock.advance(std::chrono::seconds(seconds));
    poll();
  }
  PodReport report(const std::string& uid = "u1") { return attempts->find(uid)->published; }
  std::string stage(const std::string& uid = "u1") { return PodReport::Stage_Name(report(uid).stage()); }
  void supervisorSays(PodReport::Stage stage, std::string reason = "") {
    PodReport said;
    said.set_pod_uid("u1");
    said.set_stage(stage);
    said.set_reason(reason);
    said.set_sequence(++supervisor_sequence);
    said.add_containers()->set_name("main");
    attempts->report("u1/0", said);
  }

  bool slurm_seen = false;
  uint64_t supervisor_sequence = 0;
  TemporaryDirectory directory;
  testing::ManualClock clock;
  slurm::testing::FakeDriver driver;
  std::unique_ptr<Attempts> attempts;
};

TEST_F(AttemptsTest, APodGoesThroughItsLife) {
  const auto job = submit();
  ASSERT_TRUE(job.has_value()) << job.error().message;
  EXPECT_EQ(driver.submissions.at(0).comment, "slipway:c:u1:0");
  EXPECT_EQ(stage(), "QUEUED");
  pollAfter(15);
  EXPECT_EQ(stage(), "QUEUED");
  driver.jobs[*job].state = "RUNNING";
  driver.jobs[*job].nodes = "n1";
  pollAfter(15);
  EXPECT_EQ(stage(), "STARTING");
  EXPECT_EQ(report().node(), "n1");
  supervisorSays(PodReport::RUNNING);
  EXPECT_EQ(stage(), "RUNNING");
  EXPECT_EQ(report().containers_size(), 1);
  supervisorSays(PodReport::SUCCEEDED);
  EXPECT_EQ(stage(), "SUCCEEDED");
  EXPECT_EQ(report().job_id(), *job);
}

TEST_F(AttemptsTest, TheSameAttemptIsTheSameJob) {
  const auto first = submit();
  const auto again = submit();
  ASSERT_TRUE(first && again);
  EXPECT_EQ(*first, *again);
  restart();
  EXPECT_EQ(*submit(), *first);
  EXPECT_EQ(driver.submissions.size(), 1U);
  EXPECT_NE(*submit("u1", 1), *first);
}

TEST_F(AttemptsTest, ARefusalIsReportedAndMayBeTriedAgain) {
  driver.submit_outcomes.push_back({Kind::Refused, 0, {Code::Invalid, "sbatch: Invalid partition"}});
  EXPECT_TRUE(submit().error().is(Code::Invalid));
  EXPECT_EQ(stage(), "REFUSED");
  EXPECT_EQ(report().message(), "sbatch: Invalid partition");
  EXPECT_TRUE(submit().has_value());
}

TEST_F(AttemptsTest, AnUnknownOutcomeIsSettledByTheComment) {
  driver.submit_outcomes.push_back({Kind::Unknown, 0, {Code::Timeout, "timed out"}});
  driver.unknown_makes_job = true;
  EXPECT_TRUE(submit().error().is(Code::Timeout));
  EXPECT_EQ(stage(), "SUBMITTING");
  EXPECT_TRUE(submit().error().is(Code::Timeout));
  EXPECT_EQ(driver.submissions.size(), 1U);
  pollAfter(1);
  EXPECT_EQ(stage(), "QUEUED");
  EXPECT_EQ(*submit(), 100U);
  EXPECT_EQ(driver.jobs.size(), 1U);
}

TEST_F(AttemptsTest, AbsenceIsBelievedLateAndThenItIsSubmittedAgain) {
  driver.submit_outcomes.push_back({Kind::Unknown, 0, {Code::Timeout, "timed out"}});
  EXPECT_FALSE(submit().has_value());
  pollAfter(30);
  EXPECT_EQ(stage(), "SUBMITTING");
  EXPECT_FALSE(submit().has_value());
  pollAfter(60);
  EXPECT_EQ(stage(), "REFUSED");
  EXPECT_EQ(report().reason(), "NotSubmitted");
  EXPECT_TRUE(submit().has_value());
  EXPECT_EQ(driver.jobs.size(), 1U);
}

TEST_F(AttemptsTest, AJobThatCameAndWentIsFoundInAccounting) {
  driver.submit_outcomes.push_back({Kind::Unknown, 0, {Code::Timeout, "timed out"}});
  EXPECT_FALSE(submit().has_value());
  driver.accounted[55] = {.id = 55, .state = "COMPLETED", .comment = "slipway:c:u1:0"};
  pollAfter(90);
  EXPECT_EQ(report().job_id(), 55U);
  pollAfter(15);
  pollAfter(30);
  EXPECT_EQ(stage(), "SUCCEEDED");
  EXPECT_EQ(driver.submissions.size(), 1U);
}

TEST_F(AttemptsTest, KilledWhileSbatchRan_TheJobIsFoundAfterTheStart) {
  driver.on_submit = [this] {
    // What is on disk now is what an agent that is killed here leaves behind.
    std::filesystem::copy_file(directory.path() / "journal", directory.path() / "kept");
  };
  EXPECT_TRUE(submit().has_value());
  attempts.reset();
  std::filesystem::rename(directory.path() / "kept", directory.path() / "journal");
  restart();
  EXPECT_EQ(stage(), "SUBMITTING");
  EXPECT_FALSE(submit().has_value());
  pollAfter(1);
  EXPECT_EQ(stage(), "QUEUED");
  EXPECT_EQ(driver.submissions.size(), 1U);
}

TEST_F(AttemptsTest, WithoutItsJournalAnAgentKnowsItsJobsByTheirComments) {
  const auto job = submit();
  attempts.reset();
  std::filesystem::remove(directory.path() / "journal");
  restart();
  EXPECT_EQ(attempts->find("u1"), nullptr);
  EXPECT_TRUE(submitNow().error().is(Code::ServiceUnavailable)) << "it may have a job";
  EXPECT_EQ(driver.submissions.size(), 1U);
  pollAfter(1);
  EXPECT_EQ(report().job_id(), *job);
  EXPECT_EQ(*submit(), *job);
}

TEST_F(AttemptsTest, OfTwoJobsWithOneIdentityOneIsCancelled) {
  const auto job = submit();
  driver.jobs[500] = {.comment = "slipway:c:u1:0"};
  pollAfter(1);
  ASSERT_EQ(driver.cancels.size(), 1U);
  EXPECT_EQ(driver.cancels[0], std::pair(500U, CancelHow::Kill));
  EXPECT_EQ(report().job_id(), *job);
}

TEST_F(AttemptsTest, TheJobThatClaimedTheDirectoryIsThePods) {
  const auto job = submit();
  driver.jobs[500] = {.state = "RUNNING", .comment = "slipway:c:u1:0", .nodes = "n1"};
  driver.jobs[*job].state = "COMPLETED";
  driver.jobs[*job].nodes = "n2";
  std::filesystem::create_symlink("500", attempts->directoryOf(*attempts->find("u1")).path() / "owner");
  pollAfter(1);
  pollAfter(1);
  EXPECT_EQ(report().job_id(), 500U);
  EXPECT_EQ(stage(), "STARTING");
  EXPECT_TRUE(driver.cancels.empty());
}

TEST_F(AttemptsTest, WithoutAJournalNothingIsSaidBeforeSlurmWasSeen) {
  EXPECT_TRUE(attempts->cancel("u9", 0).error().is(Code::ServiceUnavailable));
  poll();
  EXPECT_FALSE(attempts->cancel("u9", 0).value());
}

TEST_F(AttemptsTest, NothingIsSubmittedThatCouldNotBeWrittenDown) {
  struct rlimit old{};
  ::getrlimit(RLIMIT_FSIZE, &old);
  struct rlimit none = old;
  none.rlim_cur = 0;
  ::signal(SIGXFSZ, SIG_IGN);
  ::setrlimit(RLIMIT_FSIZE, &none);
  const auto job = submit();
  ::setrlimit(RLIMIT_FSIZE, &old);
  ASSERT_FALSE(job.has_value());
  EXPECT_NE(job.error().message.find("nothing was submitted"), std::string::npos) << job.error().message;
  EXPECT_TRUE(driver.submissions.empty());
  EXPECT_EQ(stage(), "REFUSED");
  EXPECT_TRUE(submit().has_value());
}

TEST_F(AttemptsTest, AVanishedJobIsNotAFailedJob) {
  const auto job = submit();
  driver.jobs[*job].state = "RUNNING";
  pollAfter(15);
  driver.jobs.clear();
  driver.accounting_errors.assign(2, Error{Code::ServiceUnavailable, "slurmdbd is away"});
  pollAfter(15);
  EXPECT_EQ(stage(), "STARTING");
  pollAfter(130);
  EXPECT_EQ(stage(), "UNKNOWN");
  driver.accounted[*job] = {.id = *job, .state = "TIMEOUT"};
  pollAfter(15);
  EXPECT_EQ(stage(), "FAILED");
  EXPECT_EQ(report().reason(), "TimeLimit");
}

TEST_F(AttemptsTest, AJobThatSlurmLostBeforeItBeganIsSubmittedAgain) {
  const auto job = submit();
  pollAfter(5);
  driver.jobs.erase(*job);
  driver.jobs[4711].state = "RUNNING";  // Slurm answers well
  pollAfter(5);
  EXPECT_EQ(stage(), "QUEUED");
  pollAfter(15);
  EXPECT_EQ(stage(), "REFUSED");
  EXPECT_NE(report().message().find("Slurm has lost job"), std::string::npos);
  ASSERT_TRUE(submit().has_value());
  EXPECT_EQ(driver.submissions.size(), 2U);
}

TEST_F(AttemptsTest, AVanishedJobThatBeganOrMayHaveEndedIsNotSubmittedAgain) {
  const auto began = submit("u1");
  const auto old = submit("u2");
  pollAfter(5);
  std::error_code ignored;
  std::filesystem::create_symlink(std::to_string(*began), attempts->directoryOf(*attempts->find("u1")).path() / "owner",
                                  ignored);
  driver.jobs.erase(*began);
  driver.jobs[4711].state = "RUNNING";
  pollAfter(5);
  pollAfter(15);
  EXPECT_NE(stage("u1"), "REFUSED");
  driver.jobs.erase(*old);
  pollAfter(400);  // longer than MinJobAge: it may have been cancelled and forgotten
  pollAfter(15);
  EXPECT_NE(stage("u2"), "REFUSED");
}

TEST_F(AttemptsTest, AJobThatComesBackWasNeverGone) {
  const auto job = submit();
  const auto kept = driver.jobs;
  driver.jobs.clear();
  pollAfter(15);
  EXPECT_EQ(stage(), "QUEUED");
  driver.jobs = kept;
  driver.jobs[*job].state = "RUNNING";
  pollAfter(15);
  EXPECT_EQ(stage(), "STARTING");
}

TEST_F(AttemptsTest, TheReportFileTellsWhenNothingElseDoes) {
  const auto job = submit();
  driver.jobs[*job].state = "RUNNING";
  pollAfter(15);
  PodReport last;
  last.set_pod_uid("u1");
  last.set_sequence(9);
  last.set_stage(PodReport::SUCCEEDED);
  ASSERT_TRUE(pod::writeReport(pod::PodDirectory(directory.path(), "u1", 0), last));
  driver.jobs.clear();
  driver.cluster.accounting = false;
  pollAfter(15);
  EXPECT_EQ(stage(), "SUCCEEDED");
  restart();
  EXPECT_EQ(stage(), "SUCCEEDED");
  EXPECT_FALSE(std::filesystem::exists(pod::PodDirectory(directory.path(), "u1", 0).plan()));
}

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
  const auto job = submit();
  driver.jobs[*job].state = "RUNNING";
  driver.jobs[*job].nodes = "n1";
  pollAfter(15);
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
  EXPECT_EQ(stage(), "RUNNING");
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
  const auto job = submit();
  driver.jobs[*job].state = "RUNNING";
  driver.jobs[*job].nodes = "n1";
  pollAfter(15);
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

}  // namespace
}  // namespace slipway::agent
