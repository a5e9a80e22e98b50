#include "supervisor/live_plan.h"

#include <gtest/gtest.h>

#include "async/loop.h"
#include "async/task_group.h"
#include "pod/secrets.h"
#include "supervisor/pod_context.h"
#include "supervisor/testing/test_pod.h"

namespace slipway::supervisor {
namespace {

using namespace std::chrono_literals;

/// A pod whose plan lies in its directory as the agent leaves it: without the variable's value.
struct PodWithSecrets {
  PodWithSecrets() {
    site::v1::Container& container = pod.add("main", "true");
    site::v1::EnvVar& variable = *container.add_env();
    variable.set_name("KEY");
    variable.set_value("hunter2");
    variable.set_secret(true);
    site::v1::Volume& volume = *pod.plan.add_volumes();
    volume.set_name("conf");
    volume.mutable_files()->add_files()->set_contents("old");
    EXPECT_TRUE(makeDirectories(pod.directory.path(), 0700));
    whole = pod.plan;
    secrets = pod::takeSecrets(pod.plan);
    timing.hub_patience = 30ms;
    timing.secrets_look = 5ms;
    timing.secrets_limit = 10s;
    board = std::make_unique<ReportBoard>(pod.plan, pod.directory, clock);
    live = std::make_unique<LivePlan>(pod.plan, pod.directory, *board, timing);
  }
  std::string value() const { return live->plan().containers(0).env(0).value(); }
  Status arrived(const std::function<bool()>& stopped = [] { return false; }) {
    return async::runToEnd(live->arrived(stopped));
  }

  TestPod pod;
  site::v1::PodPlan whole;
  site::v1::PodSecrets secrets;
  SystemClock clock;
  Timing timing;
  std::unique_ptr<ReportBoard> board;
  std::unique_ptr<LivePlan> live;
};

Task<void> givenLater(PodWithSecrets& test) {
  const Executor executor = co_await async::thisExecutor();
  async::TaskGroup group(executor);
  Status done;
  const auto wait = [](PodWithSecrets& pod, Status& out) -> Task<void> {
    out = co_await pod.live->arrived([] { return false; });
  };
  group.spawn("wait", wait(test, done));
  co_await async::yield();
  EXPECT_TRUE(test.board->report().wants_secrets());
  EXPECT_TRUE(test.live->give(test.secrets));
  co_await group.join();
  EXPECT_TRUE(done) << done.error().message;
}

TEST(LivePlan, WaitsForItsSecretsAndAsksForThemUntilThen) {
  PodWithSecrets test;
  EXPECT_FALSE(test.live->whole());
  EXPECT_EQ(test.value(), "");
  async::runToEnd(givenLater(test));
  EXPECT_EQ(test.value(), "hunter2");
  EXPECT_FALSE(test.board->report().wants_secrets());
}

TEST(LivePlan, APlanWithoutSecretsWaitsForNothing) {
  PodWithSecrets test;
  LivePlan whole(test.whole, test.pod.directory, *test.board, test.timing);
  EXPECT_TRUE(async::runToEnd(whole.arrived([] { return false; })));
}

TEST(LivePlan, AFileIsReadAndRemoved) {
  PodWithSecrets test;
  ASSERT_TRUE(pod::writeSecrets(test.pod.directory, test.secrets));
  EXPECT_TRUE(test.arrived());
  EXPECT_EQ(test.value(), "hunter2");
  EXPECT_FALSE(std::filesystem::exists(test.pod.directory.secrets()));
}

TEST(LivePlan, WithoutAWayToTheHubItAsksForAFile) {
  PodWithSecrets test;
  const auto look = [&] {
    // The agent's part, once it has read so in the report.
    if (test.board->report().hub_unreachable()) EXPECT_TRUE(pod::writeSecrets(test.pod.directory, test.secrets));
    return false;
  };
  EXPECT_TRUE(test.arrived(look));
  EXPECT_EQ(test.value(), "hunter2");
  EXPECT_FALSE(test.board->report().hub_unreachable());
  EXPECT_FALSE(std::filesystem::exists(test.pod.directory.secrets()));
  EXPECT_EQ(test.board->report().containers(0).waiting().reason(), "ContainerCreating");
}

TEST(LivePlan, AConnectedOneAsksForNoFileAndSaysWhatItWaitsFor) {
  PodWithSecrets test;
  test.live->hubIs(true);
  test.timing.secrets_limit = 200ms;
  const Status done = test.arrived();
  ASSERT_FALSE(done);
  EXPECT_TRUE(done.error().is(Code::ServiceUnavailable));
  EXPECT_FALSE(test.board->report().hub_unreachable());
  EXPECT_EQ(test.board->report().containers(0).waiting().reason(), "SecretsPending");
  EXPECT_NE(test.board->report().containers(0).waiting().message().find("controller"), std::string::npos);
}

TEST(LivePlan, APodThatEndsWaitsNoLonger) {
  PodWithSecrets test;
  test.timing.secrets_look = 1h;
  EXPECT_TRUE(test.arrived([] { return true; }));
  EXPECT_FALSE(test.live->whole());
}

TEST(LivePlan, SecretsOfAnotherPodAreRefused) {
  PodWithSecrets test;
  site::v1::PodSecrets others = test.secrets;
  others.set_pod_uid("another");
  EXPECT_TRUE(test.live->give(others).error().is(Code::Forbidden));
  EXPECT_FALSE(test.live->whole());
}

TEST(LivePlan, RanksGetTheirContainersSecretsAndWhatHasChanged) {
  PodWithSecrets test;
  ASSERT_TRUE(test.live->give(test.secrets));
  EXPECT_EQ(test.live->forRank("main").containers_size(), 1);
  EXPECT_EQ(test.live->forRank("main").volumes_size(), 0);
  EXPECT_EQ(test.live->forRank("another").containers_size(), 0);
  site::v1::UpdateVolumesRequest update;
  update.add_volumes()->set_name("conf");
  update.mutable_volumes(0)->mutable_files()->add_files()->set_contents("new");
  test.live->update(update.volumes());
  ASSERT_EQ(test.live->forRank("main").volumes_size(), 1);
  EXPECT_EQ(test.live->forRank("main").volumes(0).files().files(0).contents(), "new");
}

}  // namespace
}  // namespace slipway::supervisor
