#pragma once

#include <gtest/gtest.h>

#include "async/loop.h"
#include "bridge/bridge.h"
#include "bridge/testing/fake_site.h"
#include "kube/testing/fake_client.h"

namespace slipway::bridge::testing {

using namespace std::chrono_literals;

/// A controller in front of a fake API and a fake site. Times are milliseconds where the real ones are minutes.
class Harness {
 public:
  Harness() : client(clock) {
    options.nodes.address = "10.0.0.9";
    options.nodes.first_port = 20000;
    options.nodes.last_port = 29999;
    options.nodes.removal_grace = 30ms;
    options.nodes.disconnect_grace = 30ms;
    options.pods.refresh_volumes = 20ms;
    options.pods.keep_fetched = 0ms;
    options.pods.orphan_delay = 20ms;
    options.pods.cancel_again = 40ms;
    options.pods.report_patience = 5ms;
    options.pods.refused = {.initial = 5ms, .max = 20ms};
    options.watch_retry = {.initial = 2ms, .max = 10ms};
    options.retry = {.initial = 2ms, .max = 10ms};
  }

  /// Runs the script with a controller that works, and stops it.
  void run(std::function<Task<void>(Harness&)> script) { async::runToEnd(whole(std::move(script))); }

  void start(Executor executor) {
    bridge = std::make_unique<Bridge>(executor, client, clock, random, options);
    running = std::make_unique<async::TaskGroup>(executor);
    running->spawn("bridge", bridge->run());
    connect(executor);
  }
  void connect(Executor executor, const std::string& fingerprint = "f1") {
    tunnel::OpenTunnel tunnel;
    tunnel.channel = site.channel(executor);
    tunnel.peer.fingerprint = fingerprint;
    running->spawn("tunnel", bridge->serve(std::move(tunnel)));
  }
  Task<void> stop() {
    co_await running->stop();
    running.reset();
    bridge.reset();
  }
  Task<void> restart() {
    const Executor executor = co_await async::thisExecutor();
    co_await stop();
    start(executor);
  }
  Task<void> reconnect() {
    const Executor executor = co_await async::thisExecutor();
    connect(executor);
  }

  /// Waits for what must come; fails after twenty seconds. They are counted in turns of the loop: a machine that stands
  /// still makes none.
  Task<void> until(std::string what, std::function<bool()> holds) {
    for (int turn = 0; turn < 20000 && !holds(); ++turn) co_await async::sleepFor(1ms);
    EXPECT_TRUE(holds()) << "never came: " << what;
  }
  /// Lets everything that is under way settle: nothing is written for a while.
  Task<void> settle() {
    size_t before = realWrites() + 1;
    while (before != realWrites()) {
      before = realWrites();
      co_await async::sleepFor(20ms);
    }
  }

  std::optional<kube::Object> node(const std::string& name) const { return client.object(kube::kNodes, "", name); }
  std::optional<kube::Object> pod(const std::string& name, const std::string& ns = "default") const {
    return client.object(kube::kPods, ns, name);
  }
  std::vector<kube::Object> mirrored() const {
    std::vector<kube::Object> found;
    for (kube::Object& pod : client.all(kube::kPods)) {
      if (isMirrorPod(pod)) found.push_back(std::move(pod));
    }
    return found;
  }
  std::string phase(const std::string& name, const std::string& ns = "default") const {
    const auto found = pod(name, ns);
    return found ? std::string(kube::text(*found, {"status", "phase"})) : "gone";
  }
  /// All writes but those of leases.
  size_t realWrites() const {
    size_t count = 0;
    for (const kube::testing::Call& call : client.calls()) {
      count += call.isWrite() && call.resource != kube::kLeases ? 1 : 0;
    }
    return count;
  }
  size_t eventsWith(const std::string& reason) const {
    size_t count = 0;
    for (const kube::Object& event : client.all(kube::kEvents))
      count += kube::text(event, {"reason"}) == reason ? 1 : 0;
    return count;
  }

  /// A Pod of a user, bound by the scheduler.
  kube::Object createPod(const std::string& name, const std::string& node, const std::string& ns = "default") {
    return client.put(
        kube::kPods,
        kube::Object{
            {"metadata", {{"name", name}, {"namespace", ns}}},
            {"spec",
             {{"nodeName", node},
              {"restartPolicy", "Never"},
              {"terminationGracePeriodSeconds", 30},
              {"containers", kube::json::array{kube::Object{
                                 {"name", "c"}, {"image", "busybox"}, {"command", kube::json::array{"true"}}}}}}},
            {"status", {{"phase", "Pending"}}}});
  }
  /// As `kubectl delete pod`.
  Task<void> deletePod(std::string name, std::optional<int64_t> grace = std::nullopt) {
    kube::DeleteOptions options;
    options.grace_seconds = grace;
    const auto removed = co_await client.remove(kube::kPods, "default", name, std::move(options));
    EXPECT_TRUE(removed.has_value());
  }

  static site::v1::Node slurmNode(const std::string& name, const std::string& state = "IDLE") {
    site::v1::Node node;
    node.set_name(name);
    node.set_state(state);
    node.set_cpus(16);
    node.set_memory_mib(32768);
    node.add_partitions("batch");
    node.set_arch("x86_64");
    return node;
  }
  static site::v1::Job job(uint32_t id, const std::string& state, const std::vector<std::string>& nodes = {}) {
    site::v1::Job job;
    job.set_id(id);
    job.set_state(state);
    job.set_name("train");
    job.set_user("bob");
    job.set_partition("batch");
    job.set_node_count(std::max<int64_t>(1, static_cast<int64_t>(nodes.size())));
    job.set_cpus(4 * job.node_count());
    job.set_memory_mib(1024 * job.node_count());
    if (!nodes.empty()) job.set_start_time(1000000);
    for (const std::string& node : nodes) {
      site::v1::JobNode* share = job.add_nodes();
      share->set_node(node);
      share->set_cpus(4);
      share->set_memory_mib(1024);
    }
    return job;
  }

  SystemClock clock;
  SystemRandom random;
  BridgeOptions options;
  kube::testing::FakeClient client;
  FakeSite site;
  std::unique_ptr<Bridge> bridge;
  std::unique_ptr<async::TaskGroup> running;

 private:
  Task<void> whole(std::function<Task<void>(Harness&)> script) {
    const Executor executor = co_await async::thisExecutor();
    start(executor);
    Task<void> task = script(*this);
    co_await std::move(task);
    if (running != nullptr) co_await stop();
  }
};

}  // namespace slipway::bridge::testing
