#include "controllers/keyed_loop.h"

#include "controllers/testing/world.h"

namespace slipway::controllers {
namespace {

using namespace std::chrono_literals;
using testing::until;
using testing::World;

struct Looping : World {
  std::map<std::string, int> tries;
  std::map<std::string, std::vector<Result<Outcome>>> answers;  ///< in order; then Done

  static Task<Result<Outcome>> reconcile(Looping* self, std::string key) {
    const int attempt = self->tries[key]++;
    co_await async::yield();
    const auto& list = self->answers[key];
    if (attempt < static_cast<int>(list.size())) co_return list[static_cast<size_t>(attempt)];
    co_return Outcome::done();
  }
};

Task<void> loopOver(Looping* world, std::vector<std::string> keys) {
  const Executor executor = co_await async::thisExecutor();
  KeyedLoop loop("test", executor, world->random,
                 [world](std::string key) { return Looping::reconcile(world, std::move(key)); },
                 {.workers = 2, .backoff = {.initial = 1ms, .max = 2ms}});
  for (const std::string& key : keys) loop.add(key);
  co_await loop.run();
}

TEST(KeyedLoop, FailuresAndRetriesComeBackAndHoldUpNobody) {
  Looping world;
  world.answers["bad"] = {failure(Code::InternalError, "no"), failure(Code::Conflict, "no"), Outcome::retry()};
  world.answers["later"] = {Outcome::after(1ms)};
  world.run(tasksOf(task("loop", loopOver(&world, {"bad", "good", "later"}))),
            until([&] { return world.tries["bad"] == 4 && world.tries["good"] == 1 && world.tries["later"] == 2; },
                  "all keys done"));
}

}  // namespace
}  // namespace slipway::controllers
