// The small controllers: per-namespace objects, bootstrap tokens, old events, pods without a node.
#include "base/strings.h"
#include "controllers/event_ttl.h"
#include "controllers/per_namespace.h"
#include "controllers/pod_gc.h"
#include "controllers/testing/world.h"
#include "controllers/token_cleaner.h"

namespace slipway::controllers {
namespace {

using namespace std::chrono_literals;
using testing::until;
using testing::World;

Task<void> publish(World* world, PerNamespaceObject wanted) {
  const Executor executor = co_await async::thisExecutor();
  PerNamespaceController controller(executor, world->client, world->informers, world->random, std::move(wanted));
  co_await controller.run();
}

std::string rootCaIn(const World& world, const std::string& ns) {
  const auto map = world.client.object(kube::kConfigMaps, ns, "kube-root-ca.crt");
  return map ? std::string(kube::text(*map, {"data", "ca.crt"})) : "";
}

Task<void> rootCaScript(World* world) {
  co_await until([world] { return rootCaIn(*world, "default") == "PEM"; }, "made");
  world->put(kube::kNamespaces, R"({"metadata":{"name":"new"}})");
  co_await until([world] { return rootCaIn(*world, "new") == "PEM"; }, "made in a new namespace");
  world->put(kube::kConfigMaps,
             R"({"metadata":{"name":"kube-root-ca.crt","namespace":"new"},"data":{"ca.crt":"mine"}})");
  co_await until([world] { return rootCaIn(*world, "new") == "PEM"; }, "mended");
  world->client.drop(kube::kConfigMaps, "new", "kube-root-ca.crt");
  co_await until([world] { return rootCaIn(*world, "new") == "PEM"; }, "made again");
}

TEST(PerNamespace, TheRootCaIsInEachNamespaceWhateverHappensToIt) {
  World world;
  (void)world.informers.of(kube::kNamespaces);
  world.run(tasksOf(task("root CA", publish(&world, rootCaConfigMap("PEM")))), rootCaScript(&world));
}

TEST(PerNamespace, ANamespaceThatIsDeletedGetsNoServiceAccount) {
  World world;
  (void)world.informers.of(kube::kNamespaces);
  world.put(kube::kNamespaces, R"({"metadata":{"name":"a","deletionTimestamp":"2026-01-01T00:00:00Z"}})");
  world.run(tasksOf(task("service accounts", publish(&world, defaultServiceAccount()))),
            until(
                [&] {
                  return world.has(kube::kServiceAccounts, "kube-system", "default") &&
                         world.has(kube::kServiceAccounts, "default", "default");
                },
                "made"));
  EXPECT_FALSE(world.has(kube::kServiceAccounts, "a", "default"));
}

Task<void> clean(World* world) {
  const Executor executor = co_await async::thisExecutor();
  TokenCleaner cleaner(executor, world->client, world->random, world->clock);
  co_await cleaner.run();
}

void putToken(World& world, const std::string& name, const std::string& type, const std::string& expiration) {
  world.put(kube::kSecrets, fmt::format(R"({{"metadata":{{"name":"{}","namespace":"kube-system"}},"type":"{}",
    "data":{{"expiration":"{}"}}}})",
                                        name, type, base64Encode(expiration)));
}

TEST(TokenCleaner, DeletesExpiredTokensAndNothingElse) {
  World world;
  putToken(world, "old", "bootstrap.kubernetes.io/token", "2025-12-31T00:00:00Z");
  putToken(world, "unreadable", "bootstrap.kubernetes.io/token", "tomorrow");
  putToken(world, "good", "bootstrap.kubernetes.io/token", "2026-01-02T00:00:00Z");
  putToken(world, "other", "Opaque", "2025-12-31T00:00:00Z");
  world.run(tasksOf(task("tokens", clean(&world))), until(
                                                        [&] {
                                                          return !world.has(kube::kSecrets, "kube-system", "old") &&
                                                                 !world.has(kube::kSecrets, "kube-system",
                                                                            "unreadable");
                                                        },
                                                        "expired tokens go"));
  EXPECT_TRUE(world.has(kube::kSecrets, "kube-system", "good"));
  EXPECT_TRUE(world.has(kube::kSecrets, "kube-system", "other"));
}

TEST(EventTtl, DeletesWhatNobodyWroteToForAnHour) {
  World world;
  world.put(kube::kEvents,
            R"({"metadata":{"name":"old","namespace":"default","creationTimestamp":"2025-12-31T22:00:00Z"}})");
  world.put(kube::kEvents,
            R"({"metadata":{"name":"again","namespace":"default","creationTimestamp":"2025-12-31T22:00:00Z"},
    "lastTimestamp":"2025-12-31T23:30:00Z"})");
  EventTtl ttl(world.client, world.clock);
  EXPECT_EQ(async::runToEnd(ttl.sweep()).value(), 1U);
  EXPECT_FALSE(world.has(kube::kEvents, "default", "old"));
  EXPECT_TRUE(world.has(kube::kEvents, "default", "again"));
}

struct Podded : World {
  Podded() {
    put(kube::kNodes,
        R"({"metadata":{"name":"unready"},"status":{"conditions":[{"type":"Ready","status":"Unknown"}]}})");
    for (const char* node : {"unready", "gone"}) {
      put(kube::kPods,
          fmt::format(R"({{"metadata":{{"name":"on-{0}","namespace":"default"}},"spec":{{"nodeName":"{0}"}},
        "status":{{"phase":"Running"}}}})",
                      node));
    }
  }
  bool hasPod(const std::string& name) const { return has(kube::kPods, "default", name); }
};

Task<void> sweeps(Podded* world, PodGc* collector) {
  co_await world->informers.of(kube::kPods).waitSynced();
  co_await world->informers.of(kube::kNodes).waitSynced();
  co_await collector->sweep();
  world->clock.advance(4min);
  co_await collector->sweep();
  EXPECT_TRUE(world->hasPod("on-gone"));
  world->clock.advance(1min);
  co_await collector->sweep();
}

TEST(PodGc, OnlyPodsOfNodesThatAreGoneForLongAreDeleted) {
  Podded world;
  PodGc collector(world.client, world.informers, world.clock);
  world.run({}, sweeps(&world, &collector));
  EXPECT_FALSE(world.hasPod("on-gone"));
  EXPECT_TRUE(world.hasPod("on-unready"));
}

TEST(PodGc, AServerThatCannotSayWhetherTheNodeIsThereKeepsThePods) {
  Podded world;
  world.client.before = [](const kube::testing::Call& call) -> std::optional<Error> {
    if (call.verb == "get" && call.resource == kube::kNodes) return Error{Code::ServiceUnavailable, "away"};
    return std::nullopt;
  };
  PodGc collector(world.client, world.informers, world.clock);
  world.run({}, sweeps(&world, &collector));
  EXPECT_TRUE(world.hasPod("on-gone"));
}

}  // namespace
}  // namespace slipway::controllers
