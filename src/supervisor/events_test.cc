// What happens to a container is told in a kubelet's words: people and tools look for them.
#include <gtest/gtest.h>

#include "async/loop.h"
#include "supervisor/testing/test_pod.h"

namespace slipway::supervisor {
namespace {

using Texts = std::vector<std::string>;

int runPod(TestPod& pod) {
  return async::runToEnd(runSupervisor(pod.options()));
}

site::v1::Probe& quickProbe(site::v1::Probe& probe) {
  probe.set_timeout_seconds(5);
  probe.set_period_seconds(1);
  probe.set_success_threshold(1);
  probe.set_failure_threshold(1);
  probe.set_termination_grace_seconds(-1);
  return probe;
}

TEST(Events, EachWaitBeforeARestartIsTheSameEvent) {
  TestPod pod;
  pod.plan.set_restart_policy("OnFailure");
  const std::string file = (pod.state.path() / "tries").string();
  pod.add("main", "echo x >> " + file + "; [ $(wc -l < " + file + ") -ge 4 ]");
  EXPECT_EQ(runPod(pod), 0);
  const std::string text =
      fmt::format("Back-off restarting failed container main in pod web_shop({})", pod.plan.pod_uid());
  EXPECT_EQ(pod.messages("BackOff"), Texts({text, text}));
}

TEST(Events, AFailedProbeSaysWhatTheCommandSaidAndWhetherThereIsARestart) {
  for (const bool restarts : {true, false}) {
    TestPod pod;
    pod.plan.set_restart_policy(restarts ? "Always" : "Never");
    pod.plan.set_active_deadline_seconds(restarts ? 2 : 60);
    pod.plan.set_grace_seconds(1);
    auto& main = pod.add("main", "exec sleep 1000");
    auto& probe = quickProbe(*main.mutable_liveness_probe());
    for (const std::string& word : Texts{"sh", "-c", "echo why; exit 1"})
      probe.mutable_handler()->mutable_exec()->add_command(word);
    runPod(pod);
    EXPECT_EQ(pod.messages("Unhealthy").front(), "Liveness probe failed: why");
    EXPECT_EQ(pod.messages("Killing").front(), restarts ? "Container main failed liveness probe, will be restarted"
                                                        : "Container main failed liveness probe");
    if (!restarts) EXPECT_EQ(pod.report().containers(0).terminated().message(), "");
  }
}

TEST(Events, ANetworkProbeNamesTheAddress) {
  TestPod pod;
  auto& main = pod.add("main", "exec sleep 1000");
  auto& probe = quickProbe(*main.mutable_startup_probe());
  probe.mutable_handler()->mutable_http()->set_host("127.0.0.1");
  probe.mutable_handler()->mutable_http()->set_port(1);
  probe.mutable_handler()->mutable_http()->set_path("/ready");
  runPod(pod);
  EXPECT_EQ(pod.messages("Unhealthy"),
            Texts{"Startup probe failed: Get \"http://127.0.0.1:1/ready\": dial tcp 127.0.0.1:1: connect: connection "
                  "refused"});
}

TEST(Events, ADeadlineIsNamedAndEachContainerIsStopped) {
  TestPod pod;
  pod.plan.set_active_deadline_seconds(1);
  pod.plan.set_grace_seconds(1);
  pod.add("one", "exec sleep 1000");
  pod.add("two", "exec sleep 1000");
  runPod(pod);
  EXPECT_EQ(pod.messages("DeadlineExceeded"), Texts{"Pod was active on the node longer than the specified deadline"});
  EXPECT_EQ(pod.messages("Killing"), Texts({"Stopping container one", "Stopping container two"}));
}

TEST(Events, WhatAHookSaidIsNotTold) {
  TestPod pod;
  auto& main = pod.add("main", "exec sleep 1000");
  auto& hook = *main.mutable_post_start()->mutable_exec();
  for (const std::string& word : Texts{"sh", "-c", "echo secret; exit 1"}) hook.add_command(word);
  EXPECT_NE(runPod(pod), 0);
  EXPECT_EQ(pod.messages("FailedPostStartHook"), Texts{"PostStartHook failed"});
  EXPECT_EQ(pod.messages("Killing"), Texts{"FailedPostStartHook"});
}

}  // namespace
}  // namespace slipway::supervisor
