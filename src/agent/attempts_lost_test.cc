// What Slurm, its accounting or the journal has lost, and ids that come again.
#include "agent/testing/attempts_fixture.h"

namespace slipway::agent {
namespace {

TEST_F(AttemptsTest, AJobThatSlurmLostWhileItRanHasFailedWhenItsSupervisorIsGone) {
  const auto job = submit();
  driver.jobs[*job].state = "RUNNING";
  driver.jobs[*job].nodes = "n1";
  attempts->setConnected("u1/0", true);
  supervisorSays(PodReport::RUNNING);
  std::filesystem::create_symlink(fmt::format("{}", *job),
                                  attempts->directoryOf(*attempts->find("u1")).path() / "owner");
  pollAfter(1);
  driver.jobs.erase(*job);
  for (int i = 0; i < 10; ++i) pollAfter(15);
  EXPECT_NE(stage(), "FAILED") << "its supervisor lives";
  attempts->setConnected("u1/0", false);
  restart();
  pollAfter(15);
  EXPECT_NE(stage(), "FAILED") << "it may dial again";
  for (int i = 0; i < 5; ++i) pollAfter(15);
  EXPECT_EQ(stage(), "FAILED") << "it was submitted too short a time ago to have ended and been forgotten";
  EXPECT_EQ(report().reason(), "JobLost");
}

TEST_F(AttemptsTest, ARunThatSlurmStoppedBecauseItHadLostTheJobSaysSo) {
  const auto job = submit();
  driver.jobs[*job].state = "RUNNING";
  driver.jobs[*job].nodes = "n1";
  pollAfter(1);
  driver.jobs.erase(*job);
  pollAfter(5);
  PodReport stopped;
  stopped.set_pod_uid("u1");
  stopped.set_sequence(5);
  stopped.set_stage(PodReport::FAILED);
  stopped.add_containers()->mutable_terminated()->set_exit_code(143);
  attempts->report("u1/0", stopped);
  for (int i = 0; i < 3; ++i) pollAfter(10);
  EXPECT_EQ(stage(), "FAILED");
  EXPECT_EQ(report().reason(), "JobLost");
}

TEST_F(AttemptsTest, AJobThatSlurmLostWhileItRan_AndOneThatNeverReachedTheHub) {
  for (const bool reached : {true, false}) {
    const std::string uid = reached ? "u1" : "u2";
    const auto job = submit(uid);
    driver.jobs[*job].state = "RUNNING";
    driver.jobs[*job].nodes = "n1";
    if (reached) attempts->setConnected(uid + "/0", true);
    std::filesystem::create_symlink(fmt::format("{}", *job),
                                    attempts->directoryOf(*attempts->find(uid)).path() / "owner");
    pollAfter(1);
    driver.jobs.erase(*job);
    if (reached) attempts->setConnected(uid + "/0", false);
    for (int i = 0; i < 10; ++i) pollAfter(15);
    EXPECT_EQ(stage(uid), reached ? "FAILED" : "UNKNOWN");
    if (reached) EXPECT_EQ(report(uid).reason(), "JobLost");
  }
}

TEST_F(AttemptsTest, AnIdThatSlurmGaveAgainIsNotCancelled) {
  const auto lost = submit("u1");
  driver.jobs.erase(*lost);
  driver.next_id = *lost;
  ASSERT_TRUE(attempts->cancel("u1", 0).value());
  clock.advance(std::chrono::seconds(2));
  ASSERT_EQ(*submit("u2"), *lost);
  pursue();
  EXPECT_TRUE(driver.cancels.empty());
  pollAfter(5);
  pursue();
  pollAfter(20);
  EXPECT_TRUE(driver.cancels.empty());
  EXPECT_EQ(stage("u1"), "FAILED") << "it is gone: " << report("u1").message();
  EXPECT_EQ(stage("u2"), "QUEUED");
}

TEST_F(AttemptsTest, AfterSlurmWasAwayAnIdIsLookedAtBeforeItIsCancelled) {
  const auto job = submit("u1");
  driver.poll_errors.push_back({Code::ServiceUnavailable, "connection refused"});
  pollAfter(15);
  driver.jobs[*job] = {.comment = "", .work_dir = "/home/alice/own"};  // the user's own
  ASSERT_TRUE(attempts->cancel("u1", 0).value());
  pursue();
  EXPECT_TRUE(driver.cancels.empty());
  driver.jobs[*job] = {.comment = "slipway:c:u1:0"};
  pursue();
  EXPECT_EQ(driver.cancels.size(), 1U);
}

TEST_F(AttemptsTest, TheVerdictOfAnotherJobOfTheSameIdIsNotBelieved) {
  const auto job = submit("u1");
  pollAfter(1);
  driver.jobs.erase(*job);
  driver.accounted[*job] = {.id = *job, .state = "COMPLETED", .work_dir = "/home/alice"};
  pollAfter(5);
  pollAfter(30);
  EXPECT_EQ(stage("u1"), "REFUSED") << "lost before it began: submitted again";
  EXPECT_EQ(report("u1").reason(), "NotSubmitted");
}

TEST_F(AttemptsTest, AJobThatIsOnlyNotListedIsNotLost) {
  const auto job = submit("u1");
  pollAfter(1);
  driver.jobs[*job].listed = false;
  for (int i = 0; i < 5; ++i) pollAfter(15);
  EXPECT_NE(stage("u1"), "REFUSED");
  EXPECT_EQ(driver.submissions.size(), 1U);
  driver.jobs[*job].listed = true;
  driver.jobs[*job].comment = "somebody changed it";
  pollAfter(15);
  EXPECT_EQ(stage("u1"), "QUEUED") << "known by its id and directory";
}

TEST_F(AttemptsTest, WhatOthersStartInThePodsDirectoryIsTheirs) {
  const auto job = submit("u1");
  driver.jobs[900] = {.work_dir = driver.jobs[*job].work_dir};
  pollAfter(15);
  EXPECT_TRUE(driver.cancels.empty());
  EXPECT_EQ(report("u1").job_id(), *job);
}

TEST_F(AttemptsTest, ARestoredOldJournalMakesNoSecondJob) {
  submit("u0");
  std::filesystem::copy_file(directory.path() / "journal", directory.path() / "old");
  const auto job = submit("u1");
  driver.jobs[*job].state = "COMPLETED";
  attempts.reset();
  std::filesystem::rename(directory.path() / "old", directory.path() / "journal");
  restart();
  EXPECT_TRUE(submitNow("u1").error().is(Code::ServiceUnavailable));
  EXPECT_TRUE(attempts->cancel("u1", 0).error().is(Code::ServiceUnavailable));
  pollAfter(1);
  EXPECT_EQ(*submitNow("u1"), *job);
  pollAfter(60);
  EXPECT_EQ(stage("u1"), "SUCCEEDED");
  EXPECT_EQ(driver.submissions.size(), 2U);
}

TEST_F(AttemptsTest, ADirectoryThatAJobHasClaimedIsThatJobs) {
  poll();
  const pod::PodDirectory claimed(directory.path(), "u1", 0);
  ASSERT_TRUE(makeDirectories(claimed.path(), 0700));
  std::filesystem::create_symlink("55", claimed.path() / "owner");
  EXPECT_EQ(*submitNow("u1"), 55U);
  EXPECT_TRUE(driver.submissions.empty());
}

TEST_F(AttemptsTest, AccountingThatIsAwayIsAskedOnceAPollAndHoldsNoDeletionUp) {
  for (int i = 0; i < 32; ++i) {
    driver.submit_outcomes.push_back({Kind::Unknown, 0, {Code::Timeout, "timed out"}});
    EXPECT_FALSE(submit(fmt::format("p{}", i)).has_value());
  }
  ASSERT_TRUE(attempts->cancel("p0", 0).value());
  driver.accounting_errors.assign(1000, Error{Code::ServiceUnavailable, "slurmdbd is away"});
  pollAfter(90);
  const size_t before = driver.accounting_calls;
  pollAfter(15);
  EXPECT_EQ(driver.accounting_calls, before + 1);
  for (int i = 0; i < 15; ++i) pollAfter(15);
  pursue();
  EXPECT_EQ(stage("p0"), "FAILED");
  EXPECT_EQ(stage("p1"), "SUBMITTING");
}

TEST_F(AttemptsTest, AClockThatIsSetChangesNoWaiting) {
  for (const int jump : {-3600, 3600}) {
    const std::string uid = jump < 0 ? "u1" : "u2";
    driver.submit_outcomes.push_back({Kind::Unknown, 0, {Code::Timeout, "timed out"}});
    EXPECT_FALSE(submit(uid).has_value());
    clock.jumpWall(std::chrono::seconds(jump));
    pollAfter(30);
    EXPECT_EQ(stage(uid), "SUBMITTING");
    pollAfter(60);
    EXPECT_EQ(stage(uid), "REFUSED");
  }
}

}  // namespace
}  // namespace slipway::agent
