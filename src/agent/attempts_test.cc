// From submission to the knowledge of what became of it.
#include "agent/testing/attempts_fixture.h"

#include <sys/resource.h>

#include <csignal>

namespace slipway::agent {
namespace {

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
  driver.jobs[500] = {.comment = "slipway:c:u1:0", .work_dir = driver.jobs[*job].work_dir};
  pollAfter(1);
  ASSERT_EQ(driver.cancels.size(), 1U);
  EXPECT_EQ(driver.cancels[0], std::pair(500U, CancelHow::Kill));
  EXPECT_EQ(report().job_id(), *job);
}

TEST_F(AttemptsTest, OfTwoAgentsWithOneNameEachCancelsNoneButItsOwn) {
  const TemporaryDirectory elsewhere;
  auto journal = SubmissionJournal::open(elsewhere.path() / "journal");
  ASSERT_TRUE(journal.has_value());
  AttemptOptions options{.cluster = "c", .state_dir = elsewhere.path(), .binary = "/bin/slipway"};
  Attempts other(options, driver, std::move(*journal), clock);
  const auto observe = [&] {
    Inventory inventory("c", 1000);
    inventory.begin();
    ASSERT_TRUE(async::runToEnd(driver.poll(inventory)).has_value());
    inventory.commit();
    async::runToEnd(other.observe(inventory.ownJobs(), other.ticks()));
  };
  observe();
  const auto first = submit();
  site::v1::PodPlan plan;
  plan.set_pod_uid("u1");
  ASSERT_NE(*async::runToEnd(other.submit(plan)), *first);
  clock.advance(std::chrono::seconds(5));
  poll();
  observe();
  pollAfter(5);
  observe();
  ASSERT_EQ(driver.cancels.size(), 1U);
  EXPECT_EQ(driver.jobs[*first].state, "PENDING") << "the older one lives";
}

TEST_F(AttemptsTest, TheJobThatClaimedTheDirectoryIsThePods) {
  const auto job = submit();
  driver.jobs[500] = {
      .state = "RUNNING", .comment = "slipway:c:u1:0", .nodes = "n1", .work_dir = driver.jobs[*job].work_dir};
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
  driver.accounted[*job] = {.id = *job, .state = "TIMEOUT", .comment = "slipway:c:u1:0"};
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

}  // namespace
}  // namespace slipway::agent
