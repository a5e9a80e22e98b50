#pragma once

#include <gtest/gtest.h>

#include <functional>

#include "async/loop.h"
#include "base/testing/manual_clock.h"
#include "controllers/keyed_loop.h"
#include "controllers/resource_discovery.h"
#include "controllers/shared_informers.h"
#include "kube/testing/fake_client.h"

namespace slipway::controllers::testing {

/// An API server in memory, a clock that stands still, and what controllers share.
struct World {
  SystemRandom random;
  slipway::testing::ManualClock clock;
  kube::testing::FakeClient client{clock};
  SharedInformers informers{client, random};
  Discovered served;

  /// Serves these kinds with all verbs.
  explicit World(const std::vector<kube::Resource>& kinds = {kube::kPods, kube::kConfigMaps, kube::kNodes}) {
    for (const kube::Resource& kind : kinds) served.resources.push_back({kind, {"get", "list", "watch", "delete"}});
  }
  ResourceDiscovery discovery() {
    return [this] { return answer(this); };
  }
  kube::Object put(const kube::Resource& resource, std::string_view json) {
    return client.put(resource, kube::json::parse(json).as_object());
  }
  bool has(const kube::Resource& resource, const std::string& ns, const std::string& name) const {
    return client.object(resource, ns, name).has_value();
  }

  /// Runs the tasks beside the informers and the script, which ends it all.
  void run(NamedTasks tasks, Task<void> script) { async::runToEnd(play(this, std::move(tasks), std::move(script))); }

 private:
  static Task<Result<Discovered>> answer(World* world) { co_return world->served; }
  static Task<void> play(World* world, NamedTasks tasks, Task<void> script) {
    const Executor executor = co_await async::thisExecutor();
    async::TaskGroup group(executor);
    for (auto& [name, work] : tasks) group.spawn(name, std::move(work));
    group.spawn("shared informers", world->informers.run());
    co_await std::move(script);
    co_await group.stop();
  }
};

/// Waits until it holds; a test that waits for twenty seconds has failed. They are counted in turns of the loop: a
/// machine that stands still makes none.
inline Task<void> until(std::function<bool()> holds, std::string what) {
  for (int turn = 0; turn < 20000; ++turn) {
    if (holds()) co_return;
    co_await async::sleepFor(std::chrono::milliseconds(1));
  }
  ADD_FAILURE() << "not in time: " << what;
}

}  // namespace slipway::controllers::testing
