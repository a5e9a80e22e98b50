// How long 4,000 nodes and 20,000 mirrored pods take against an API in memory. Not part of the unit tests' run: start
// it with --gtest_also_run_disabled_tests --gtest_filter=*Scale*.
#include <fstream>

#include "bridge/testing/harness.h"

namespace slipway::bridge {
namespace {

using testing::Harness;
using namespace std::chrono_literals;

double secondsSince(SteadyTime began) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
}

long residentMegabytes() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmRSS:")) return std::stol(line.substr(6)) / 1024;
  }
  return 0;
}

Task<void> scale(Harness& h) {
  const SteadyTime began = std::chrono::steady_clock::now();
  const auto nodes = [&h] { return h.bridge->nodes().all().size(); };
  while (nodes() < 4000 && secondsSince(began) < 300) co_await async::sleepFor(50ms);
  fmt::print("{} nodes after {:.1f} s\n", nodes(), secondsSince(began));
  const auto pods = [&h] { return h.bridge->pods().all().size(); };
  while (pods() < 20000 && secondsSince(began) < 300) co_await async::sleepFor(50ms);
  while (h.bridge->counters().mirror_pods_patched < 20000 && secondsSince(began) < 300) co_await async::sleepFor(50ms);
  fmt::print("{} pods after {:.1f} s, {} watches, {} MB with the API in the same process\n", pods(),
             secondsSince(began), h.client.watches(), residentMegabytes());
  h.client.clearCalls();
  co_await async::sleepFor(10s);
  fmt::print("at rest: {} requests in 10 s, {} not leases\n", h.client.calls().size(), h.realWrites());
}

TEST(Bridge, DISABLED_Scale) {
  Harness h;
  h.options.nodes.first_port = 10000;
  h.options.nodes.last_port = 20000;
  for (int i = 0; i < 4000; ++i) h.site.setNode(Harness::slurmNode(fmt::format("n{}", i)));
  for (uint32_t id = 1; id <= 10000; ++id) {
    h.site.setJob(Harness::job(id, "RUNNING", {fmt::format("n{}", id % 4000), fmt::format("n{}", (id + 1) % 4000)}));
  }
  h.run(scale);
}

}  // namespace
}  // namespace slipway::bridge
