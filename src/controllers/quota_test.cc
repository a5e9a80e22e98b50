#include "controllers/quota_controller.h"
#include "controllers/testing/world.h"
#include "schema/quota_scope.h"

namespace slipway::controllers {
namespace {

using testing::until;
using testing::World;

const kube::Resource kQuotas{"", "v1", "resourcequotas", "ResourceQuota", true};

kube::Object parse(std::string_view text) {
  return kube::json::parse(text).as_object();
}

TEST(QuotaUsage, APodUsesRequestsAndLimitsUntilItEnds) {
  kube::Object pod =
      parse(R"({"spec":{"containers":[{"resources":{"requests":{"cpu":"500m","memory":"128Mi","nvidia.com/gpu":"1"},
    "limits":{"cpu":"1"}}},{"resources":{"requests":{"memory":"128Mi"}}}]},"status":{"phase":"Running"}})");
  const QuotaAmounts usage = usageOfPod(pod, WallTime{});
  EXPECT_EQ(usage.at("pods").str(), "1");
  EXPECT_EQ(usage.at("cpu").str(), "500m");
  EXPECT_EQ(usage.at("requests.memory").str(), "256Mi");
  EXPECT_EQ(usage.at("requests.nvidia.com/gpu").str(), "1");
  EXPECT_FALSE(usage.contains("nvidia.com/gpu"));
  EXPECT_EQ(usage.at("limits.cpu").str(), "1");
  pod["status"] = {{"phase", "Succeeded"}};
  EXPECT_FALSE(usageOfPod(pod, WallTime{}).contains("pods"));
  EXPECT_EQ(usageOfPod(pod, WallTime{}).at("count/pods").str(), "1");
}

TEST(QuotaUsage, ServicesAndClaims) {
  const kube::Object service = parse(R"({"spec":{"type":"LoadBalancer","ports":[{},{}]}})");
  EXPECT_EQ(usageOfObject(kube::kServices, service).at("services.nodeports").str(), "2");
  EXPECT_EQ(usageOfObject(kube::kServices, service).at("services.loadbalancers").str(), "1");
  const kube::Object claim =
      parse(R"({"spec":{"storageClassName":"gold","resources":{"requests":{"storage":"1Gi"}}}})");
  const QuotaAmounts usage = usageOfObject(kube::kPersistentVolumeClaims, claim);
  EXPECT_EQ(usage.at("requests.storage").str(), "1Gi");
  EXPECT_EQ(usage.at("gold.storageclass.storage.k8s.io/requests.storage").str(), "1Gi");
  EXPECT_EQ(usage.at("count/persistentvolumeclaims").str(), "1");
}

TEST(QuotaUsage, ScopesChoosePods) {
  const kube::Object best_effort = parse(R"({"spec":{"containers":[{}],"activeDeadlineSeconds":5}})");
  const kube::Object burstable =
      parse(R"({"spec":{"priorityClassName":"high","containers":[{"resources":{"requests":{"cpu":"1"}}}]}})");
  const auto covers = [](std::string_view spec, const kube::Object& pod) {
    return schema::quotaCovers({{"spec", parse(spec)}}, pod);
  };
  EXPECT_TRUE(covers(R"({"scopes":["BestEffort","Terminating"]})", best_effort));
  EXPECT_FALSE(covers(R"({"scopes":["BestEffort"]})", burstable));
  EXPECT_TRUE(covers(R"({"scopes":["NotBestEffort","NotTerminating"]})", burstable));
  const std::string_view high =
      R"({"scopeSelector":{"matchExpressions":[{"scopeName":"PriorityClass","operator":"In","values":["high"]}]}})";
  EXPECT_TRUE(covers(high, burstable));
  EXPECT_FALSE(covers(high, best_effort));
}

Task<void> control(World* world) {
  const Executor executor = co_await async::thisExecutor();
  QuotaController controller(executor, world->client, world->informers, world->random, world->clock,
                             world->discovery());
  co_await controller.run();
}

std::string used(const World& world, std::string_view name) {
  const auto quota = world.client.object(kQuotas, "default", "q");
  return std::string(kube::text(*quota, {"status", "used", name}));
}

bool timePasses(World* world) {
  world->clock.advance(std::chrono::milliseconds(200));
  return true;
}

Task<void> podsCome(World* world) {
  co_await until([world] { return used(*world, "pods") == "1" && used(*world, "configmaps") == "2"; }, "counted");
  EXPECT_EQ(used(*world, "requests.cpu"), "2");
  EXPECT_EQ(used(*world, "secrets"), "0");
  world->put(kube::kPods, R"({"metadata":{"name":"b","namespace":"default"},"spec":{"containers":[]}})");
  co_await until([world] { return used(*world, "pods") == "2"; }, "a new pod");
  world->client.drop(kube::kPods, "default", "a");
  co_await until([world] { return timePasses(world) && used(*world, "requests.cpu") == "0"; }, "a pod that goes");
}

TEST(QuotaController, StatusFollowsWhatIsThere) {
  World world;
  (void)world.informers.of(kube::kPods);
  world.put(kube::kPods, R"({"metadata":{"name":"a","namespace":"default"},
    "spec":{"containers":[{"resources":{"requests":{"cpu":"2"}}}]}})");
  world.put(kube::kPods, R"({"metadata":{"name":"a","namespace":"kube-system"},"spec":{"containers":[]}})");
  world.put(kube::kConfigMaps, R"({"metadata":{"name":"1","namespace":"default"}})");
  world.put(kube::kConfigMaps, R"({"metadata":{"name":"2","namespace":"default"}})");
  world.put(kQuotas, R"({"metadata":{"name":"q","namespace":"default"},
    "spec":{"hard":{"pods":"10","requests.cpu":"4","configmaps":"5","secrets":"5"}}})");
  world.run(tasksOf(task("quotas", control(&world))), podsCome(&world));
}

size_t statusWrites(const World& world) {
  const std::vector<kube::testing::Call> calls = world.client.calls();
  return static_cast<size_t>(std::count_if(calls.begin(), calls.end(), [](const kube::testing::Call& call) {
    return call.resource == kQuotas && call.subresource == "status";
  }));
}

Task<void> secondFollows(World* world) {
  co_await async::sleepFor(std::chrono::milliseconds(5));
  world->put(kube::kPods, R"({"metadata":{"name":"b","namespace":"default"},"spec":{"containers":[]}})");
  co_await async::sleepFor(std::chrono::milliseconds(20));
  EXPECT_EQ(used(*world, "pods"), "2");
  EXPECT_EQ(statusWrites(*world), 0U) << "a pod that was noted and is not there yet keeps its place";
  world->client.drop(kube::kPods, "default", "b");
  co_await async::sleepFor(std::chrono::milliseconds(20));
  EXPECT_EQ(statusWrites(*world), 0U) << "its place may be that of another which was noted";
  co_await until([world] { return timePasses(world) && used(*world, "pods") == "1"; }, "a pod that goes");
}

TEST(QuotaController, WhatTheAdmissionNotedIsNotTakenBackBeforeThePodIsThere) {
  World world;
  (void)world.informers.of(kube::kPods);
  world.put(kube::kPods, R"({"metadata":{"name":"a","namespace":"default"},"spec":{"containers":[]}})");
  world.put(kQuotas, R"({"metadata":{"name":"q","namespace":"default"},"spec":{"hard":{"pods":"2"}},
    "status":{"hard":{"pods":"2"},"used":{"pods":"2"}}})");
  world.run(tasksOf(task("quotas", control(&world))), secondFollows(&world));
}

}  // namespace
}  // namespace slipway::controllers
