#include "controllers/namespace_controller.h"

#include "controllers/testing/world.h"

namespace slipway::controllers {
namespace {

using testing::until;
using testing::World;

constexpr std::string_view kDeleted = R"({"metadata":{"name":"work","deletionTimestamp":"2026-01-01T00:00:00Z"},
  "spec":{"finalizers":["kubernetes"]},"status":{"phase":"Terminating"}})";

struct Deleting : World {
  Deleting() {
    client.after = [this](const kube::testing::Call& call) -> std::optional<Error> {
      if (call.subresource == "finalize") client.drop(kube::kNamespaces, "", call.name);
      return std::nullopt;
    };
  }
  bool gone() const { return !has(kube::kNamespaces, "", "work"); }
  std::string condition(std::string_view type) const {
    const auto object = client.object(kube::kNamespaces, "", "work");
    if (!object) return "";
    for (const auto& entry : kube::items(*object, {"status", "conditions"})) {
      const kube::Object& fields = entry.as_object();
      if (kube::text(fields, {"type"}) != type) continue;
      return fmt::format("{} {}", kube::text(fields, {"status"}), kube::text(fields, {"message"}));
    }
    return "";
  }
};

Task<void> control(Deleting* world) {
  const Executor executor = co_await async::thisExecutor();
  NamespaceController controller(executor, world->client, world->client, world->informers, world->random, world->clock,
                                 world->discovery());
  co_await controller.run();
}

Task<void> startInformer(Deleting* world) {
  co_await world->informers.of(kube::kNamespaces).waitSynced();
}

void run(Deleting& world, Task<void> script) {
  (void)world.informers.of(kube::kNamespaces);
  // The controller's handlers come first, as in the control plane.
  world.run(tasksOf(task("controller", control(&world))), std::move(script));
}

Task<void> waitGone(Deleting* world) {
  co_await startInformer(world);
  co_await until([world] { return world->gone(); }, "the namespace goes");
}

TEST(NamespaceController, ADeletedNamespaceIsEmptiedAndFinalized) {
  Deleting world;
  world.put(kube::kConfigMaps, R"({"metadata":{"name":"a","namespace":"work"}})");
  world.put(kube::kPods, R"({"metadata":{"name":"p","namespace":"work"}})");
  world.put(kube::kConfigMaps, R"({"metadata":{"name":"other","namespace":"default"}})");
  world.put(kube::kNamespaces, kDeleted);
  run(world, waitGone(&world));
  EXPECT_FALSE(world.has(kube::kConfigMaps, "work", "a"));
  EXPECT_FALSE(world.has(kube::kPods, "work", "p"));
  EXPECT_TRUE(world.has(kube::kConfigMaps, "default", "other"));
}

Task<void> podsFirst(Deleting* world) {
  co_await until([world] { return !world->condition("NamespaceContentRemaining").empty(); }, "conditions");
  EXPECT_EQ(world->condition("NamespaceContentRemaining"),
            "True Some resources are remaining: pods. has 1 resource instances");
  EXPECT_EQ(world->condition("NamespaceFinalizersRemaining"),
            "True Some content in the namespace has finalizers remaining: example.com/hold in 1 resource instances");
  EXPECT_TRUE(world->has(kube::kConfigMaps, "work", "a"));
  world->client.drop(kube::kPods, "work", "p");
  co_await waitGone(world);
}

TEST(NamespaceController, PodsGoBeforeWhatTheyRead) {
  Deleting world;
  world.put(kube::kConfigMaps, R"({"metadata":{"name":"a","namespace":"work"}})");
  world.put(kube::kPods, R"({"metadata":{"name":"p","namespace":"work","finalizers":["example.com/hold"]}})");
  world.put(kube::kNamespaces, kDeleted);
  run(world, podsFirst(&world));
}

Task<void> gapKeepsIt(Deleting* world) {
  co_await until([world] { return world->condition("NamespaceDeletionDiscoveryFailure").starts_with("True"); },
                 "the gap is shown");
  EXPECT_EQ(world->client.count("update", "namespaces"), world->client.count("update"));
  EXPECT_FALSE(world->gone());
  world->served.gaps.clear();
  co_await waitGone(world);
}

TEST(NamespaceController, AKindThatCannotBeDiscoveredKeepsTheNamespace) {
  Deleting world;
  world.served.gaps.push_back({"metrics.k8s.io", "v1beta1", "down"});
  world.put(kube::kNamespaces, kDeleted);
  run(world, gapKeepsIt(&world));
}

Task<void> refusalKeepsIt(Deleting* world) {
  co_await until([world] { return world->condition("NamespaceDeletionContentFailure").starts_with("True"); },
                 "the failure is shown");
  EXPECT_FALSE(world->gone());
  world->client.before = nullptr;
  co_await waitGone(world);
}

TEST(NamespaceController, ADeletionThatIsRefusedIsShownAndTriedAgain) {
  Deleting world;
  world.put(kube::kConfigMaps, R"({"metadata":{"name":"a","namespace":"work"}})");
  world.put(kube::kNamespaces, kDeleted);
  world.client.before = [](const kube::testing::Call& call) -> std::optional<Error> {
    if (call.verb == "delete") return Error{Code::InternalError, "webhook down"};
    return std::nullopt;
  };
  run(world, refusalKeepsIt(&world));
}

TEST(NamespaceConditions, AreWrittenOnlyWhenTheyChange) {
  kube::Object object;
  EXPECT_TRUE(setNamespaceConditions(object, {}, WallTime{}));
  EXPECT_FALSE(setNamespaceConditions(object, {}, WallTime{} + std::chrono::hours(1)));
  NamespaceContent content;
  content.resources["pods."] = 2;
  EXPECT_TRUE(setNamespaceConditions(object, content, WallTime{}));
  EXPECT_EQ(kube::items(object, {"status", "conditions"}).size(), 5U);
}

}  // namespace
}  // namespace slipway::controllers
