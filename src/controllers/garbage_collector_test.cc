#include "controllers/garbage_collector.h"

#include "controllers/testing/world.h"

namespace slipway::controllers {
namespace {

using namespace std::chrono_literals;
using testing::until;
using testing::World;

std::string object(std::string_view name, std::string_view uid, std::string_view owners = "",
                   std::string_view more = "") {
  return fmt::format(R"({{"metadata":{{"name":"{}","namespace":"default","uid":"{}","ownerReferences":[{}]{}}}}})",
                     name, uid, owners, more);
}
std::string ownedBy(std::string_view name, std::string_view uid, bool blocks = false) {
  return fmt::format(R"({{"apiVersion":"v1","kind":"ConfigMap","name":"{}","uid":"{}","blockOwnerDeletion":{}}})", name,
                     uid, blocks);
}
constexpr std::string_view kInForeground =
    R"(,"deletionTimestamp":"2026-01-01T00:00:00Z","finalizers":["foregroundDeletion"])";

struct Collecting : World {
  bool has(const std::string& name) const { return World::has(kube::kConfigMaps, "default", name); }
  void add(std::string_view json) { put(kube::kConfigMaps, json); }
  std::vector<OwnerReference> owners(const std::string& name) const {
    return ownersOf(client.object(kube::kConfigMaps, "default", name).value());
  }
};

/// The script runs when the collector knows everything, which a pair of objects of its own tells.
Task<void> started(Collecting* world, Task<void> (*script)(Collecting*)) {
  world->add(object("first-orphan", "f", ownedBy("nobody", "n")));
  co_await until([world] { return !world->has("first-orphan"); }, "the collector works");
  Task<void> steps = script(world);
  co_await std::move(steps);
}

Task<void> collect(Collecting* world) {
  const Executor executor = co_await async::thisExecutor();
  GarbageCollector collector(executor, world->client, world->random, world->discovery());
  co_await collector.run();
}

void run(Collecting& world, Task<void> (*script)(Collecting*)) {
  world.run(tasksOf(task("collector", collect(&world))), started(&world, script));
}

/// Whatever was there at the start has been looked at once this one, made later, is gone.
Task<void> settled(Collecting* world) {
  world->add(object("last", "l", ownedBy("nobody", "n")));
  co_await until([world] { return !world->has("last"); }, "the collector has looked at everything");
}

TEST(GarbageCollector, WhatLosesItsOwnerGoes) {
  Collecting world;
  world.add(object("owner", "o"));
  world.add(object("child", "c", ownedBy("owner", "o")));
  world.add(object("grandchild", "g", ownedBy("child", "c")));
  run(world, [](Collecting* w) -> Task<void> {
    EXPECT_TRUE(w->has("child"));
    w->client.drop(kube::kConfigMaps, "default", "owner");
    co_await until([w] { return !w->has("child") && !w->has("grandchild"); }, "children go");
  });
}

TEST(GarbageCollector, AnOwnerOfTheSameNameWithAnotherUidIsAnother) {
  Collecting world;
  world.add(object("owner", "new"));
  world.add(object("child", "c", ownedBy("owner", "old")));
  run(world, [](Collecting* w) -> Task<void> {
    co_await until([w] { return !w->has("child"); }, "child of the old owner goes");
    EXPECT_TRUE(w->has("owner"));
  });
}

TEST(GarbageCollector, OneOwnerLeftKeepsItAndTheLostOneIsForgotten) {
  Collecting world;
  world.add(object("there", "t"));
  world.add(object("child", "c", ownedBy("there", "t") + "," + ownedBy("gone", "g")));
  run(world, [](Collecting* w) -> Task<void> {
    co_await until([w] { return w->owners("child").size() == 1; }, "reference is taken out");
    EXPECT_EQ(w->owners("child").front().uid, "t");
  });
}

TEST(GarbageCollector, NothingIsDeletedWhileTheOwnerCannotBeAskedFor) {
  Collecting world;
  world.add(object("child", "c", ownedBy("away", "a")));
  world.client.before = [](const kube::testing::Call& call) -> std::optional<Error> {
    if (call.verb == "get" && call.name == "away") return Error{Code::ServiceUnavailable, "later"};
    return std::nullopt;
  };
  run(world, [](Collecting* w) -> Task<void> {
    co_await settled(w);
    EXPECT_TRUE(w->has("child"));
  });
}

TEST(GarbageCollector, A404ThatIsAboutThePathIsNoAnswerAboutTheOwner) {
  Collecting world;
  world.add(object("child", "c", ownedBy("away", "a")));
  world.client.before = [](const kube::testing::Call& call) -> std::optional<Error> {
    if (call.verb != "get" || call.name != "away") return std::nullopt;
    return Error{Code::NotFound, "the server could not find the requested resource"};
  };
  run(world, [](Collecting* w) -> Task<void> {
    co_await settled(w);
    EXPECT_TRUE(w->has("child"));
  });
}

TEST(GarbageCollector, AStaleCacheDeletesNothing) {
  Collecting world;
  world.add(object("child", "c", ownedBy("late", "l")));
  // The owner is made while the collector asks: its watch does not know it yet.
  world.client.before = [&world](const kube::testing::Call& call) -> std::optional<Error> {
    if (call.verb == "get" && call.name == "late" && !world.has("late")) world.add(object("late", "l"));
    return std::nullopt;
  };
  run(world, [](Collecting* w) -> Task<void> {
    co_await settled(w);
    EXPECT_TRUE(w->has("child"));
  });
}

TEST(GarbageCollector, AnOwnerOfAnUnknownKindCountsAsThere) {
  Collecting world;
  world.add(object("child", "c", R"({"apiVersion":"example.com/v1","kind":"Foo","name":"x","uid":"u"})"));
  run(world, [](Collecting* w) -> Task<void> {
    co_await settled(w);
    EXPECT_TRUE(w->has("child"));
  });
}

TEST(GarbageCollector, ForegroundOwnerWaitsForThoseThatBlock) {
  Collecting world;
  world.add(object("owner", "o", "", kInForeground));
  world.add(object("child", "c", ownedBy("owner", "o", true), R"(,"finalizers":["example.com/hold"])"));
  run(world, [](Collecting* w) -> Task<void> {
    const auto deleted = [w] {
      const auto child = w->client.object(kube::kConfigMaps, "default", "child");
      return child && isBeingDeleted(*child);
    };
    co_await until(deleted, "child is deleted");
    EXPECT_TRUE(w->has("owner"));
    w->client.drop(kube::kConfigMaps, "default", "child");
    co_await until([w] { return !w->has("owner"); }, "owner goes after its child");
  });
}

TEST(GarbageCollector, OrphansAreLetGoBeforeTheirOwnerGoes) {
  Collecting world;
  world.add(object("owner", "o", "", R"(,"deletionTimestamp":"2026-01-01T00:00:00Z","finalizers":["orphan"])"));
  world.add(object("child", "c", ownedBy("owner", "o")));
  run(world, [](Collecting* w) -> Task<void> {
    co_await until([w] { return !w->has("owner"); }, "owner goes");
    EXPECT_TRUE(w->has("child"));
    EXPECT_TRUE(w->owners("child").empty());
  });
}

TEST(GarbageCollector, TwoThatWaitForEachOtherAreFreed) {
  Collecting world;
  world.add(object("one", "1", ownedBy("two", "2", true), kInForeground));
  world.add(object("two", "2", ownedBy("one", "1", true), kInForeground));
  world.add(object("three", "3", ownedBy("one", "1", true)));
  world.add(object("four", "4", ownedBy("three", "3", true), R"(,"finalizers":["example.com/hold"])"));
  run(world, [](Collecting* w) -> Task<void> {
    co_await until(
        [w] {
          const auto four = w->client.object(kube::kConfigMaps, "default", "four");
          return !w->has("three") && four && isBeingDeleted(*four);
        },
        "what hangs below is deleted");
  });
}

TEST(GarbageCollector, DeletionsNameWhatTheyWereDecidedFrom) {
  Collecting world;
  world.add(object("child", "c", ownedBy("gone", "g")));
  bool changed = false;
  // Somebody adopts the child between the question and the deletion.
  world.client.before = [&](const kube::testing::Call& call) -> std::optional<Error> {
    if (call.verb == "delete" && call.name == "child" && !changed) {
      changed = true;
      world.add(object("child", "c"));
    }
    return std::nullopt;
  };
  run(world, [](Collecting* w) -> Task<void> {
    co_await settled(w);
    EXPECT_TRUE(w->has("child"));
  });
  EXPECT_TRUE(changed);
}

}  // namespace
}  // namespace slipway::controllers
