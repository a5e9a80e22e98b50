#include "bridge/kubelet_backend.h"
#include "bridge/testing/harness.h"

namespace slipway::bridge {
namespace {

using testing::Harness;

constexpr int64_t kMib = 1024 * 1024;

site::v1::Node machine(const std::string& name, int64_t free_mib, double load) {
  site::v1::Node node = Harness::slurmNode(name);
  node.set_memory_free_mib(free_mib);
  node.set_cpu_load(load);
  return node;
}

Task<void> figures(Harness& h) {
  co_await h.until("nodes", [&] { return h.node("used").has_value() && h.node("idle").has_value(); });
  KubeletBackend backend(*h.bridge, h.clock);
  const auto used = co_await backend.nodeStats("used");
  if (!used) co_return ADD_FAILURE() << used.error().message;
  EXPECT_EQ(used->usage.memory_working_set, 2768 * kMib);
  // A machine with more memory than RealMemory says, of which more than that is free.
  const auto idle = co_await backend.nodeStats("idle");
  if (!idle) co_return ADD_FAILURE() << idle.error().message;
  EXPECT_GT(idle->usage.memory_working_set, 0) << "metrics-server drops a node whose figure is zero";
  EXPECT_LE(idle->usage.memory_working_set, kMib);
  EXPECT_GT(idle->usage.cpu_nanoseconds, 0);
}

TEST(KubeletStats, NoFigureOfAnIdleNodeIsZero) {
  Harness h;
  h.site.setNode(machine("used", 30000, 1.5));
  h.site.setNode(machine("idle", 40000, 0));
  h.run(figures);
}

}  // namespace
}  // namespace slipway::bridge
