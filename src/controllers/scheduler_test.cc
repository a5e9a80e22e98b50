#include "controllers/scheduler.h"

#include "controllers/testing/world.h"

namespace slipway::controllers {
namespace {

using testing::until;
using testing::World;

struct Scheduling : World {
  void node(const std::string& name, const std::string& cpu = "4") {
    put(kube::kNodes,
        fmt::format(R"({{"metadata":{{"name":"{}"}},"status":{{"allocatable":{{"cpu":"{}","memory":"8Gi","pods":"10"}},
      "conditions":[{{"type":"Ready","status":"True"}}]}}}})",
                    name, cpu));
  }
  void pod(const std::string& name, const std::string& cpu = "1", const std::string& more = "") {
    put(kube::kPods, fmt::format(R"({{"metadata":{{"name":"{}","namespace":"default"}},"spec":{{{}
      "containers":[{{"name":"c","resources":{{"requests":{{"cpu":"{}"}}}}}}]}},"status":{{"phase":"Pending"}}}})",
                                 name, more, cpu));
  }
  std::string nodeOf(const std::string& name) const {
    return std::string(kube::text(client.object(kube::kPods, "default", name).value(), {"spec", "nodeName"}));
  }
  std::string whyNot(const std::string& name) const {
    const auto object = client.object(kube::kPods, "default", name);
    const auto& conditions = kube::items(*object, {"status", "conditions"});
    return conditions.empty() ? "" : std::string(kube::text(conditions.front().as_object(), {"message"}));
  }
};

Task<void> schedule(Scheduling* world) {
  const Executor executor = co_await async::thisExecutor();
  Scheduler scheduler(executor, world->client, world->informers, world->random, world->clock);
  co_await scheduler.run();
}

void run(Scheduling& world, Task<void> script) {
  (void)world.informers.of(kube::kPods);
  (void)world.informers.of(kube::kNodes);
  world.run(tasksOf(task("scheduler", schedule(&world))), std::move(script));
}

bool allBound(const Scheduling& world) {
  const std::vector<kube::Object> pods = world.client.all(kube::kPods);
  return std::none_of(pods.begin(), pods.end(),
                      [](const kube::Object& pod) { return kube::text(pod, {"spec", "nodeName"}).empty(); });
}

/// Four pods that ask for so much CPU each, on two nodes: how many are on the first?
int onTheFirst(const std::string& cpu) {
  Scheduling world;
  world.node("a");
  world.node("b");
  const std::vector<std::string> names = {"1", "2", "3", "4"};
  for (const std::string& name : names) world.pod(name, cpu);
  run(world, until([&] { return allBound(world); }, "all bound"));
  return static_cast<int>(
      std::count_if(names.begin(), names.end(), [&](const std::string& name) { return world.nodeOf(name) == "a"; }));
}

TEST(Scheduler, PodsAreSpreadAndNeverOverTheNodesRoom) {
  EXPECT_EQ(onTheFirst("2"), 2);
}

TEST(Scheduler, PodsThatAskForNothingAreSpreadToo) {
  EXPECT_EQ(onTheFirst("0"), 2);
}

Task<void> roomComes(Scheduling* world) {
  co_await until([world] { return !world->whyNot("big").empty(); }, "condition");
  EXPECT_EQ(world->whyNot("big"), "0/1 nodes are available: 1 Insufficient cpu.");
  world->node("large", "16");
  co_await until([world] { return world->nodeOf("big") == "large"; }, "bound when a node comes");
}

TEST(Scheduler, APodThatFitsNowhereSaysWhyAndIsTriedAgain) {
  Scheduling world;
  world.node("small");
  world.pod("big", "8");
  run(world, roomComes(&world));
}

TEST(Scheduler, AReservationOfUnknownOutcomeDoesNotStandInItsOwnWay) {
  Scheduling world;
  world.node("a");
  world.pod("whole", "4");
  int failures = 0;
  world.client.before = [&](const kube::testing::Call& call) -> std::optional<Error> {
    if (call.subresource == "binding" && failures++ == 0) return Error{Code::Timeout, "no answer"};
    return std::nullopt;
  };
  run(world, until([&] { return world.nodeOf("whole") == "a"; }, "bound at the second try"));
}

TEST(Scheduler, GatedPodsAndThoseOfOthersAreLeftAlone) {
  Scheduling world;
  world.node("a");
  world.pod("gated", "1", R"("schedulingGates":[{"name":"slipway.dev/wait"}],)");
  world.pod("foreign", "1", R"("schedulerName":"other",)");
  world.pod("mine");
  run(world, until([&] { return world.nodeOf("mine") == "a" && !world.whyNot("gated").empty(); }, "mine is bound"));
  EXPECT_EQ(world.nodeOf("gated"), "");
  EXPECT_EQ(world.nodeOf("foreign"), "");
}

}  // namespace
}  // namespace slipway::controllers
