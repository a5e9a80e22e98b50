#include "bridge/testing/harness.h"

namespace slipway::bridge {
namespace {

using testing::Harness;
using namespace std::chrono_literals;

std::string condition(const std::optional<kube::Object>& node, std::string_view type,
                      std::string_view field = "status") {
  if (!node) return "gone";
  for (const auto& item : kube::items(*node, {"status", "conditions"})) {
    if (kube::text(item.as_object(), {"type"}) == type) return std::string(kube::text(item.as_object(), {field}));
  }
  return "";
}

Task<void> appear(Harness& h) {
  co_await h.until("nodes", [&] { return h.node("n1") && h.node("n2") && h.client.all(kube::kLeases).size() == 2; });
  EXPECT_EQ(condition(h.node("n1"), "Ready"), "True");
  EXPECT_EQ(condition(h.node("n2"), "Ready"), "False");
  EXPECT_EQ(condition(h.node("n2"), "Ready", "reason"), "SlurmDown");
  EXPECT_EQ(kube::text(*h.node("n1"), {"status", "allocatable", "ephemeral-storage"}), "1Pi");
  co_await h.settle();
  h.client.clearCalls();
  h.site.sendSnapshot();
  co_await async::sleepFor(100ms);
  EXPECT_EQ(h.realWrites(), 0U) << "a quiet cluster costs leases only";
  EXPECT_LE(h.client.watches(), 2U);
}
TEST(NodeMirror, NodesAppearAndAQuietClusterCostsLeasesOnly) {
  Harness h;
  h.site.setNode(Harness::slurmNode("n1"));
  h.site.setNode(Harness::slurmNode("n2", "DOWN"));
  h.run(appear);
}

Task<void> drains(Harness& h) {
  co_await h.until("node", [&] { return condition(h.node("n1"), "Ready") == "True"; });
  site::v1::Node drained = Harness::slurmNode("n1");
  drained.add_flags("DRAIN");
  drained.set_reason("bad disk");
  h.site.setNode(drained);
  co_await h.until("cordon", [&] { return kube::boolean(*h.node("n1"), {"spec", "unschedulable"}); });
  co_await h.until("condition", [&] { return condition(h.node("n1"), "Drained") == "True"; });
  EXPECT_EQ(condition(h.node("n1"), "Drained", "message"), "bad disk");
  EXPECT_EQ(condition(h.node("n1"), "Ready"), "True");
  h.site.setNode(Harness::slurmNode("n1"));
  co_await h.until("uncordon", [&] { return !kube::boolean(*h.node("n1"), {"spec", "unschedulable"}); });
  // A cordon of somebody else's stays, whatever Slurm does.
  kube::Object cordoned = *h.node("n1");
  kube::ensure(cordoned, {"spec"})["unschedulable"] = true;
  h.client.put(kube::kNodes, cordoned);
  h.site.setNode(drained);
  co_await h.until("drained again", [&] { return condition(h.node("n1"), "Drained") == "True"; });
  h.site.setNode(Harness::slurmNode("n1"));
  co_await h.until("open again", [&] { return condition(h.node("n1"), "Drained") == "False"; });
  EXPECT_TRUE(kube::boolean(*h.node("n1"), {"spec", "unschedulable"}));
}
TEST(NodeMirror, DrainIsACordonAndOthersCordonsStay) {
  Harness h;
  h.site.setNode(Harness::slurmNode("n1"));
  h.run(drains);
}

Task<void> leavesForeign(Harness& h) {
  co_await h.until("other node", [&] { return h.node("n2").has_value(); });
  co_await h.settle();
  EXPECT_EQ(kube::label(*h.node("n1"), "slipway.dev/cluster"), "");
  EXPECT_TRUE(kube::items(*h.node("n1"), {"status", "conditions"}).empty());
}
TEST(NodeMirror, NodeOfAnotherKubeletIsNeverTouched) {
  Harness h;
  h.client.put(kube::kNodes, kube::Object{{"metadata", {{"name", "n1"}}}});
  h.site.setNode(Harness::slurmNode("n1"));
  h.site.setNode(Harness::slurmNode("n2"));
  h.run(leavesForeign);
}

Task<void> goes(Harness& h) {
  co_await h.until("nodes", [&] { return h.node("n1") && h.node("n2"); });
  h.site.empty_snapshots = true;
  h.site.sendSnapshot();
  co_await async::sleepFor(100ms);
  EXPECT_TRUE(h.node("n1") && h.node("n2")) << "an empty answer deletes nothing";
  h.site.removeNode("n2");
  co_await h.until("not ready", [&] { return !h.node("n2") || condition(h.node("n2"), "Ready") == "False"; });
  co_await h.until("deletion", [&] { return !h.node("n2"); });
  EXPECT_TRUE(h.node("n1"));
}
TEST(NodeMirror, NodeThatLeftSlurmIsDeletedAfterTheGraceTime) {
  Harness h;
  h.site.setNode(Harness::slurmNode("n1"));
  h.site.setNode(Harness::slurmNode("n2"));
  h.run(goes);
}

Task<void> agentGone(Harness& h) {
  co_await h.until("ready", [&] { return condition(h.node("n1"), "Ready") == "True"; });
  h.site.breakTunnels();
  co_await h.until("unknown", [&] { return condition(h.node("n1"), "Ready") == "Unknown"; });
  EXPECT_EQ(condition(h.node("n1"), "Ready", "reason"), "AgentDisconnected");
  co_await h.restart();
  co_await h.until("ready again", [&] { return condition(h.node("n1"), "Ready") == "True"; });
}
TEST(NodeMirror, WithoutAgentNodesAreUnknownAndComeBack) {
  Harness h;
  h.site.setNode(Harness::slurmNode("n1"));
  h.run(agentGone);
}

Task<void> shortAbsence(Harness& h) {
  co_await h.until("ready", [&] { return condition(h.node("n1"), "Ready") == "True"; });
  co_await h.settle();
  h.client.clearCalls();
  h.site.breakTunnels();
  co_await h.reconnect();
  co_await async::sleepFor(30ms);
  EXPECT_EQ(h.realWrites(), 0U);
}
TEST(NodeMirror, ShortAbsenceOfTheAgentChangesNothing) {
  Harness h;
  h.options.nodes.disconnect_grace = 5s;
  h.site.setNode(Harness::slurmNode("n1"));
  h.run(shortAbsence);
}

int64_t portOf(const std::optional<kube::Object>& node) {
  return kube::integer(*node, {"status", "daemonEndpoints", "kubeletEndpoint", "Port"});
}

Task<void> keepsPorts(Harness& h) {
  co_await h.until("nodes", [&] { return h.node("n1") && h.node("n2"); });
  co_await h.settle();
  const int64_t first = portOf(h.node("n1"));
  const int64_t second = portOf(h.node("n2"));
  EXPECT_NE(first, second);
  co_await h.restart();
  h.site.setNode(Harness::slurmNode("a0"));
  co_await h.until("new node", [&] { return h.node("a0").has_value(); });
  EXPECT_EQ(portOf(h.node("n1")), first);
  EXPECT_EQ(portOf(h.node("n2")), second);
}
TEST(NodeMirror, PortsAreKeptOverRestarts) {
  Harness h;
  h.site.setNode(Harness::slurmNode("n1"));
  h.site.setNode(Harness::slurmNode("n2"));
  h.run(keepsPorts);
}

Task<void> healsFaults(Harness& h) {
  co_await h.until("nodes", [&] { return h.node("n1") && h.node("n2") && h.node("n3"); });
}
TEST(NodeMirror, FaultsOfTheApiHealByThemselves) {
  Harness h;
  for (const char* name : {"n1", "n2", "n3"}) h.site.setNode(Harness::slurmNode(name));
  int left = 10;
  h.client.before = [&left](const kube::testing::Call& call) -> std::optional<Error> {
    if (call.resource != kube::kNodes || left-- <= 0) return std::nullopt;
    return Error{Code::ServiceUnavailable, "down"};
  };
  h.run(healsFaults);
}

Task<void> otherCertificate(Harness& h) {
  const Executor executor = co_await async::thisExecutor();
  co_await h.until("connected", [&] { return h.bridge->connectedSites() == 1; });
  testing::FakeSite thief("hpc");
  tunnel::OpenTunnel tunnel;
  tunnel.channel = thief.channel(executor);
  tunnel.peer.fingerprint = "f2";
  co_await h.bridge->serve(std::move(tunnel));
  EXPECT_EQ(h.bridge->connectedSites(), 1U);
  EXPECT_TRUE(h.node("n1"));
}
Task<void> copiedCertificate(Harness& h) {
  const Executor executor = co_await async::thisExecutor();
  co_await h.until("connected", [&] { return h.bridge->connectedSites() == 1; });
  testing::FakeSite copy("hpc");
  copy.agent_id = "another";
  tunnel::OpenTunnel tunnel;
  tunnel.channel = copy.channel(executor);
  tunnel.peer.fingerprint = "f1";
  co_await h.bridge->serve(std::move(tunnel));  // returns: refused
  EXPECT_EQ(h.bridge->connectedSites(), 1U);
  // The same agent with a renewed certificate is welcome.
  h.connect(executor, "f3");
  co_await h.until("renewed", [&] { return h.site.hellos == 2; });
  EXPECT_EQ(h.bridge->connectedSites(), 1U);
}
TEST(Bridge, ACopyOfACertificateIsRefusedWhileItsOwnerIsConnected_ARenewedOneIsNot) {
  Harness h;
  h.site.agent_id = "one";
  h.site.setNode(Harness::slurmNode("n1"));
  h.run(copiedCertificate);
}

TEST(Bridge, AnotherCertificateCannotTakeAConnectedCluster) {
  Harness h;
  h.site.setNode(Harness::slurmNode("n1"));
  h.run(otherCertificate);
}

}  // namespace
}  // namespace slipway::bridge
