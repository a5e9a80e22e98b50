#include "bridge/testing/harness.h"

namespace slipway::bridge {
namespace {

using testing::Harness;
using namespace std::chrono_literals;

std::string fieldOf(const std::optional<kube::Object>& node, std::string_view type, std::string_view field) {
  if (!node) return "gone";
  for (const auto& item : kube::items(*node, {"status", "conditions"})) {
    if (kube::text(item.as_object(), {"type"}) == type) return std::string(kube::text(item.as_object(), {field}));
  }
  return "";
}

std::string reachable(Harness& h, std::string_view field = "status", const std::string& node = "n1") {
  return fieldOf(h.node(node), "SlurmReachable", field);
}

void withTwoNodes(std::function<Task<void>(Harness&)> script, std::chrono::nanoseconds disconnect_grace = 30ms) {
  Harness h;
  h.options.nodes.disconnect_grace = disconnect_grace;
  h.site.setNode(Harness::slurmNode("n1"));
  h.site.setNode(Harness::slurmNode("n2"));
  h.run(std::move(script));
}

Task<void> slurmAway(Harness& h) {
  co_await h.until("reachable", [&] { return reachable(h) == "True" && reachable(h, "status", "n2") == "True"; });
  co_await h.settle();
  h.client.clearCalls();
  h.site.setHealth(false, "scontrol failed (1): Unable to contact slurm controller");
  co_await h.until("n1", [&] { return reachable(h) == "False"; });
  co_await h.until("n2", [&] { return reachable(h, "status", "n2") == "False"; });
  EXPECT_EQ(reachable(h, "message"), "scontrol failed (1): Unable to contact slurm controller");
  EXPECT_EQ(fieldOf(h.node("n1"), "Ready", "status"), "True") << "jobs run on; nothing is to be evicted";
  co_await h.until("events", [&] { return h.eventsWith("SlurmNotAnswering") == 2; });
  // Another message of the same trouble, many times: no storm.
  for (int i = 0; i < 20; ++i) h.site.setHealth(false, fmt::format("scontrol timed out after {} s", i));
  co_await h.settle();
  EXPECT_EQ(h.client.count("patch", "nodes"), 2U) << "one patch a node for a change";
  EXPECT_EQ(h.eventsWith("SlurmNotAnswering"), 2U);
  h.site.setHealth(true, "");
  co_await h.until("healed", [&] { return reachable(h) == "True" && reachable(h, "status", "n2") == "True"; });
  co_await h.until("event", [&] { return h.eventsWith("SlurmAnswers") == 2; });
  EXPECT_EQ(h.client.count("patch", "nodes"), 4U);
}
TEST(SiteHealth, SlurmAwayIsSaidOnItsNodesOnceAndHeals) {
  withTwoNodes(slurmAway);
}

Task<void> oneBadPoll(Harness& h) {
  co_await h.until("reachable", [&] { return reachable(h) == "True" && reachable(h, "status", "n2") == "True"; });
  co_await h.settle();
  h.client.clearCalls();
  h.site.setHealth(false, "scontrol timed out");
  h.site.setHealth(true, "");
  co_await async::sleepFor(60ms);
  EXPECT_EQ(h.realWrites(), 0U);
}
TEST(SiteHealth, OnePollThatFailsWritesNothing) {
  withTwoNodes(oneBadPoll);
}

Task<void> agentAway(Harness& h) {
  co_await h.until("reachable", [&] { return reachable(h) == "True" && reachable(h, "status", "n2") == "True"; });
  co_await h.settle();
  h.client.clearCalls();
  h.site.breakTunnels();
  co_await h.until("unknown", [&] { return reachable(h) == "Unknown" && reachable(h, "status", "n2") == "Unknown"; });
  EXPECT_EQ(fieldOf(h.node("n1"), "Ready", "reason"), "AgentDisconnected");
  co_await h.until("event", [&] { return h.eventsWith("AgentDisconnected") == 2; });
  EXPECT_EQ(h.client.count("patch", "nodes"), 2U);
  co_await h.reconnect();
  co_await h.until("back",
                   [&] { return reachable(h) == "True" && fieldOf(h.node("n1"), "Ready", "status") == "True"; });
  co_await h.until("event of return", [&] { return h.eventsWith("AgentConnected") == 2; });
}
TEST(SiteHealth, AgentAwayIsSaidOnItsNodesOnceAndHeals) {
  withTwoNodes(agentAway);
}

/// `late`: the machine was so slow that the agent had not come back within the grace period.
Task<void> restartedWithoutSlurm(Harness& h, bool* late) {
  co_await h.until("reachable", [&] { return reachable(h) == "True"; });
  co_await h.stop();
  // An agent that was started while Slurm is away has no inventory to give.
  h.site.empty_snapshots = true;
  h.site.setHealth(false, "scontrol is not in PATH");
  const Executor executor = co_await async::thisExecutor();
  h.start(executor);
  co_await h.until("said", [&] { return reachable(h, "message") == "scontrol is not in PATH"; });
  *late = fieldOf(h.node("n1"), "Ready", "reason") == "AgentDisconnected";
  EXPECT_TRUE(*late || fieldOf(h.node("n1"), "Ready", "status") == "True");
}
TEST(SiteHealth, AfterARestartWithoutSlurmTheNodesSaySo) {
  bool late = true;
  for (std::chrono::nanoseconds grace = 30ms; late && grace < 20s; grace *= 4) {
    withTwoNodes([&late](Harness& h) { return restartedWithoutSlurm(h, &late); }, grace);
  }
  EXPECT_FALSE(late);
}

Task<void> flawed(Harness& h) {
  h.site.setHealth(true, "2 records are left out: JobId=x");
  co_await h.until("said", [&] { return reachable(h, "reason") == "RecordsLeftOut"; });
  EXPECT_EQ(reachable(h), "True");
}
TEST(SiteHealth, RecordsThatCannotBeReadAreSaid) {
  Harness h;
  h.site.setNode(Harness::slurmNode("n1"));
  h.site.setHealth(true, "2 records are left out: JobId=x");
  h.run(flawed);
}

}  // namespace
}  // namespace slipway::bridge
