#include "agent/testing/attempts_fixture.h"
#include "pod/secrets.h"

namespace slipway::agent {
namespace {

namespace fs = std::filesystem;

class SecretsTest : public AttemptsTest {
 protected:
  site::v1::PodPlan planWithSecret() {
    site::v1::PodPlan plan;
    plan.set_pod_uid("u1");
    plan.set_grace_seconds(30);
    site::v1::EnvVar& variable = *plan.add_containers()->add_env();
    variable.set_name("KEY");
    variable.set_value("hunter2");
    variable.set_secret(true);
    return plan;
  }
  Result<uint32_t> submitSecret() {
    if (!std::exchange(slurm_seen, true)) poll();
    return async::runToEnd(attempts->submit(planWithSecret()));
  }
  /// Its job runs, and the supervisor asks.
  Result<uint32_t> submitAsking() {
    const auto job = submitSecret();
    driver.jobs[*job].state = "RUNNING";
    driver.jobs[*job].nodes = "n1";
    pollAfter(15);
    return job;
  }
  PodReport asking(bool unreachable) {
    PodReport report;
    report.set_pod_uid("u1");
    report.set_stage(PodReport::RUNNING);
    report.set_sequence(++supervisor_sequence);
    report.set_wants_secrets(true);
    report.set_hub_unreachable(unreachable);
    return report;
  }
  /// All that lies on the disk.
  bool onDisk(const std::string& word) {
    for (const auto& entry : fs::recursive_directory_iterator(directory.path())) {
      const auto text = entry.is_regular_file() ? readFile(entry.path()) : Result<std::string>("");
      if (text && text->find(word) != std::string::npos) return true;
    }
    return false;
  }
  /// The supervisor cannot reach the hub and says so in its file, of which the next poll sees.
  void asksByFile() {
    ASSERT_TRUE(pod::writeReport(files(), asking(true)));
    pollAfter(15);
    for (const std::string& key : attempts->wantingSecrets()) ASSERT_TRUE(attempts->leaveSecretsAsFile(key));
  }
  pod::PodDirectory files() { return attempts->directoryOf(*attempts->find("u1")); }
};

TEST_F(SecretsTest, NoSecretLiesOnTheDisk) {
  ASSERT_TRUE(submitAsking());
  EXPECT_TRUE(fs::exists(files().plan()));
  EXPECT_FALSE(onDisk("hunter2"));
  EXPECT_TRUE(pod::readPlan(files())->secrets_apart());
  ASSERT_NE(attempts->secretsOf("u1/0"), nullptr);
  EXPECT_EQ(attempts->secretsOf("u1/0")->containers(0).env(0).value(), "hunter2");
  EXPECT_TRUE(attempts->wantingSecrets().empty());
  attempts->report("u1/0", asking(false));
  EXPECT_EQ(attempts->wantingSecrets(), std::vector<std::string>{"u1/0"});
  EXPECT_FALSE(report().wants_secrets()) << "the agent has them: nobody need be asked";
}

TEST_F(SecretsTest, AfterARestartTheyAreAskedForAndTakenWithoutASecondJob) {
  const auto job = submitAsking();
  restart();
  pollAfter(15);
  attempts->report("u1/0", asking(false));
  EXPECT_TRUE(report().wants_secrets());
  EXPECT_EQ(attempts->secretsOf("u1/0"), nullptr);
  const auto again = async::runToEnd(attempts->submit(planWithSecret()));
  EXPECT_EQ(*again, *job);
  EXPECT_EQ(driver.submissions.size(), 1U);
  EXPECT_FALSE(report().wants_secrets());
  EXPECT_NE(attempts->secretsOf("u1/0"), nullptr);
  EXPECT_FALSE(onDisk("hunter2"));
}

TEST_F(SecretsTest, AFileIsLeftOnlyForOneThatCannotReachTheHub) {
  ASSERT_TRUE(submitAsking());
  clock.advance(std::chrono::seconds(60));
  ASSERT_TRUE(pod::writeReport(files(), asking(false)));
  poll();
  ASSERT_TRUE(attempts->leaveSecretsAsFile("u1/0"));
  EXPECT_FALSE(onDisk("hunter2"));
  asksByFile();
  EXPECT_TRUE(fs::exists(files().secrets()));
  EXPECT_EQ(fs::status(files().secrets()).permissions(), fs::perms::owner_read | fs::perms::owner_write);
  // It has read them, and a second file that came too late for it goes as well.
  PodReport has = asking(false);
  has.set_wants_secrets(false);
  ASSERT_TRUE(pod::writeReport(files(), has));
  pollAfter(15);
  EXPECT_FALSE(fs::exists(files().secrets()));
}

TEST_F(SecretsTest, AnAgentThatHasJustStartedWaitsForSupervisorsToDial) {
  ASSERT_TRUE(submitAsking());
  restart();
  clock.advance(std::chrono::seconds(5));
  poll();
  ASSERT_TRUE(async::runToEnd(attempts->submit(planWithSecret())));
  ASSERT_TRUE(pod::writeReport(files(), asking(true)));
  poll();
  ASSERT_TRUE(attempts->leaveSecretsAsFile("u1/0"));
  EXPECT_FALSE(onDisk("hunter2"));
  attempts->setConnected("u1/0", true);
  clock.advance(std::chrono::seconds(60));
  ASSERT_TRUE(attempts->leaveSecretsAsFile("u1/0"));
  EXPECT_FALSE(onDisk("hunter2")) << "it is connected";
}

TEST_F(SecretsTest, OnceFoundThatNodesDoNotReachTheHubTheNextPodNeedNotFindItAgain) {
  ASSERT_TRUE(submitAsking());
  clock.advance(std::chrono::seconds(60));
  asksByFile();
  site::v1::PodPlan second = planWithSecret();
  second.set_pod_uid("u2");
  ASSERT_TRUE(async::runToEnd(attempts->submit(second)));
  EXPECT_TRUE(fs::exists(attempts->directoryOf(*attempts->find("u2")).secrets()));
  attempts->setConnected("u1/0", true);
  site::v1::PodPlan third = planWithSecret();
  third.set_pod_uid("u3");
  ASSERT_TRUE(async::runToEnd(attempts->submit(third)));
  EXPECT_FALSE(fs::exists(attempts->directoryOf(*attempts->find("u3")).secrets()));
}

TEST_F(SecretsTest, NothingIsLeftWhenThePodIsOver) {
  ASSERT_TRUE(submitAsking());
  clock.advance(std::chrono::seconds(60));
  asksByFile();
  supervisorSays(PodReport::SUCCEEDED);
  EXPECT_FALSE(onDisk("hunter2"));
  EXPECT_EQ(attempts->secretsOf("u1/0"), nullptr);
  EXPECT_TRUE(attempts->wantingSecrets().empty());
}

TEST(HeldSecrets, WhatDoesNotFitIsNotHeld) {
  HeldSecrets held(1000);
  site::v1::PodSecrets secrets;
  secrets.set_pod_uid(std::string(600, 'u'));
  held.hold("a", secrets);
  held.hold("b", secrets);
  EXPECT_NE(held.find("a"), nullptr);
  EXPECT_EQ(held.find("b"), nullptr);
  held.hold("a", secrets);
  EXPECT_NE(held.find("a"), nullptr);
  held.forget("a");
  held.hold("b", secrets);
  EXPECT_NE(held.find("b"), nullptr);
}

}  // namespace
}  // namespace slipway::agent
