#include "kube/informer.h"

#include <gtest/gtest.h>

#include "async/deadline.h"
#include "async/loop.h"
#include "base/testing/manual_clock.h"
#include "kube/testing/fake_client.h"

namespace slipway::kube {
namespace {

using namespace std::chrono_literals;
using State = Informer::State;
using Outcome = Informer::Outcome;

Object pod(const std::string& name, const std::string& node = "") {
  Object object{{"metadata", {{"name", name}, {"namespace", "default"}, {"managedFields", json::array{1}}}},
                {"spec", json::object()}};
  if (!node.empty()) object["spec"].as_object()["nodeName"] = node;
  return object;
}

TEST(InformerState, EveryTransition) {
  const std::vector<std::tuple<State, Outcome, State>> table = {
      {State::Listing, Outcome::Ok, State::Watching},
      {State::Listing, Outcome::Expired, State::ListBackingOff},
      {State::Listing, Outcome::Failed, State::ListBackingOff},
      {State::Watching, Outcome::Ok, State::Watching},
      {State::Watching, Outcome::Expired, State::Listing},
      {State::Watching, Outcome::Failed, State::WatchBackingOff},
      {State::ListBackingOff, Outcome::Ok, State::Listing},
      {State::WatchBackingOff, Outcome::Ok, State::Watching},
  };
  for (const auto& [from, outcome, to] : table) EXPECT_EQ(Informer::next(from, outcome), to);
}

struct Fixture {
  SystemRandom random;
  slipway::testing::ManualClock clock;
  testing::FakeClient client{clock};
  Informer informer{client, kPods, {.backoff = {.initial = 1ms, .max = 2ms}}, random};
  std::vector<std::string> seen;
  async::Event changed;

  Fixture() {
    informer.addIndex("node", [](const Object& object) {
      return std::vector<std::string>{std::string(text(object, {"spec", "nodeName"}))};
    });
    const auto note = [this](std::string_view what, const Object& object) {
      seen.push_back(fmt::format("{} {}", what, name(object)));
      changed.pulse();
    };
    informer.addHandler({.added = [note](const ObjectPtr& object) { note("+", *object); },
                         .updated = [note](const ObjectPtr&, const ObjectPtr& object) { note("~", *object); },
                         .deleted = [note](const ObjectPtr& object) { note("-", *object); }});
  }
  Task<void> until(size_t count) {
    while (seen.size() < count) {
      const bool in_time = co_await changed.waitFor(5s);
      (void)in_time;
      if (seen.size() < count && !in_time && ++misses_ > 3) {
        ADD_FAILURE() << "only " << seen.size() << " of " << count;
        co_return;
      }
    }
  }
  int misses_ = 0;
};

Task<void> within(Fixture& f, std::function<Task<void>(Fixture&)> script) {
  const Executor executor = co_await async::thisExecutor();
  async::TaskGroup group(executor);
  group.spawn("informer", f.informer.run());
  Task<void> task = script(f);
  co_await std::move(task);
  co_await group.stop();
}

void run(Task<void> (*script)(Fixture&)) {
  Fixture fixture;
  async::runToEnd(within(fixture, script));
}

Task<void> followsChanges(Fixture& f) {
  f.client.put(kPods, pod("a", "n1"));
  co_await f.until(1);
  f.client.put(kPods, pod("b", "n2"));
  Object moved = *f.client.object(kPods, "default", "a");
  moved["spec"].as_object()["nodeName"] = "n2";
  f.client.put(kPods, moved);
  f.client.drop(kPods, "default", "b");
  co_await f.until(4);
  EXPECT_EQ(f.seen, (std::vector<std::string>{"+ a", "+ b", "~ a", "- b"}));
  EXPECT_EQ(f.informer.byIndex("node", "n2").size(), 1U);
  EXPECT_TRUE(f.informer.byIndex("node", "n1").empty());
  const ObjectPtr a = f.informer.get("default/a");
  EXPECT_EQ(find(*a, {"metadata", "managedFields"}), nullptr);
}
TEST(Informer, FollowsChanges) {
  run(followsChanges);
}

Task<void> listsAgainAfterExpired(Fixture& f) {
  f.client.put(kPods, pod("a"));
  f.client.put(kPods, pod("b"));
  co_await f.until(2);
  f.client.before = [](const testing::Call& call) -> std::optional<Error> {
    if (call.verb != "watch") return std::nullopt;
    return Error{Code::ServiceUnavailable, "down"};
  };
  f.client.endWatches();
  f.client.drop(kPods, "default", "a");
  f.client.put(kPods, pod("c"));
  f.client.compact();
  f.client.before = nullptr;
  co_await f.until(4);
  EXPECT_EQ(f.informer.get("default/a"), nullptr);
  EXPECT_NE(f.informer.get("default/c"), nullptr);
  EXPECT_EQ(f.client.count("list"), 2U);
}
TEST(Informer, ListsAgainAfterExpiredAndSeesWhatWentMeanwhile) {
  run(listsAgainAfterExpired);
}

Task<void> survivesFaults(Fixture& f) {
  // The client outlives this coroutine's frame.
  const auto failures = std::make_shared<int>(5);
  f.client.before = [failures](const testing::Call&) -> std::optional<Error> {
    if ((*failures)-- <= 0) return std::nullopt;
    return Error{Code::ServiceUnavailable, "down"};
  };
  f.client.put(kPods, pod("a"));
  co_await f.until(1);
  co_await f.informer.waitSynced();
  EXPECT_TRUE(f.informer.synced());
}
TEST(Informer, TriesAgainUntilTheServerAnswers) {
  run(survivesFaults);
}

Task<void> resumes(Fixture& f) {
  f.client.put(kPods, pod("a"));
  co_await f.until(1);
  f.client.endWatches();
  f.client.put(kPods, pod("b"));
  co_await f.until(2);
  EXPECT_EQ(f.client.count("list"), 1U);
}
TEST(Informer, ResumesAnEndedWatchWithoutAList) {
  run(resumes);
}

Task<void> observes(Fixture& f) {
  f.client.put(kPods, pod("a"));
  co_await f.until(1);
  Object written = *f.client.object(kPods, "default", "a");
  written["metadata"].as_object()["resourceVersion"] = "99999";
  f.informer.observe(written);
  EXPECT_EQ(f.seen.back(), "~ a");
  written["metadata"].as_object()["resourceVersion"] = "5";
  f.informer.observe(written);
  EXPECT_EQ(f.seen.size(), 2U);
}
TEST(Informer, TakesInOwnWritesAndIgnoresOldOnes) {
  run(observes);
}

Task<void> replaced(Fixture& f) {
  f.client.put(kPods, pod("a"));
  co_await f.until(1);
  f.client.put(kPods, pod("a"));  // another uid
  co_await f.until(3);
  EXPECT_EQ(f.seen, (std::vector<std::string>{"+ a", "- a", "+ a"}));
}
TEST(Informer, SameNameOtherUidIsAnotherObject) {
  run(replaced);
}

}  // namespace
}  // namespace slipway::kube
