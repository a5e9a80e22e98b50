// Leases, events and the request limiter.
#include <gtest/gtest.h>

#include "async/loop.h"
#include "async/task_group.h"
#include "base/testing/manual_clock.h"
#include "kube/event_recorder.h"
#include "kube/lease_keeper.h"
#include "kube/request_limiter.h"
#include "kube/testing/fake_client.h"

namespace slipway::kube {
namespace {

using namespace std::chrono_literals;

struct Fixture {
  slipway::testing::ManualClock clock;
  SystemRandom random;
  testing::FakeClient client{clock};

  Task<void> until(std::function<bool()> done) {
    for (int i = 0; i < 5000 && !done(); ++i) co_await async::sleepFor(1ms);
    EXPECT_TRUE(done());
  }
};

Task<void> keepsLeases(Fixture& f) {
  const Executor executor = co_await async::thisExecutor();
  LeaseKeeper keeper(f.client, {.interval = 20ms}, f.clock, f.random);
  async::TaskGroup group(executor);
  group.spawn("leases", keeper.run());
  for (int i = 0; i < 50; ++i) keeper.add(fmt::format("n{}", i), "uid");
  co_await f.until([&] { return keeper.renewals() >= 150; });
  EXPECT_EQ(f.client.all(kLeases).size(), 50U);
  EXPECT_EQ(f.client.count("create", "leases"), 50U);
  EXPECT_EQ(f.client.count("get", "leases"), 50U);
  const Object lease = *f.client.object(kLeases, "kube-node-lease", "n7");
  EXPECT_EQ(text(lease, {"spec", "holderIdentity"}), "n7");
  EXPECT_EQ(integer(lease, {"spec", "leaseDurationSeconds"}), 40);
  EXPECT_EQ(items(lease, {"metadata", "ownerReferences"}).size(), 1U);

  f.client.drop(kLeases, "kube-node-lease", "n7");
  co_await f.until([&] { return f.client.object(kLeases, "kube-node-lease", "n7").has_value(); });

  for (int i = 1; i < 50; ++i) keeper.remove(fmt::format("n{}", i));
  co_await async::yield();
  const uint64_t before = keeper.renewals();
  co_await f.until([&] { return keeper.renewals() >= before + 3; });
  EXPECT_LT(keeper.renewals(), before + 40);
  co_await group.stop();
}
TEST(LeaseKeeper, RenewsManyAndMakesLostOnesAgain) {
  Fixture f;
  async::runToEnd(keepsLeases(f));
}

Task<void> leasesSurviveFaults(Fixture& f) {
  const Executor executor = co_await async::thisExecutor();
  int faults = 3;
  f.client.before = [&faults](const testing::Call&) -> std::optional<Error> {
    if (faults-- <= 0) return std::nullopt;
    return Error{Code::ServiceUnavailable, "down"};
  };
  LeaseKeeper keeper(f.client, {.interval = 10ms}, f.clock, f.random);
  async::TaskGroup group(executor);
  group.spawn("leases", keeper.run());
  keeper.add("n1", "uid");
  co_await f.until([&] { return keeper.renewals() >= 2; });
  EXPECT_EQ(keeper.failures(), 3U);
  co_await group.stop();
}
TEST(LeaseKeeper, GoesOnAfterFaults) {
  Fixture f;
  async::runToEnd(leasesSurviveFaults(f));
}

Task<void> countsEvents(Fixture& f) {
  const Executor executor = co_await async::thisExecutor();
  EventRecorder recorder(f.client, f.clock, f.random, "slipway", "");
  async::TaskGroup group(executor);
  group.spawn("events", recorder.run());
  const ObjectReference about{"v1", "Pod", "default", "p", "u1"};
  for (int i = 0; i < 3; ++i) recorder.record(about, true, "Refused", "no such partition");
  recorder.record(about, false, "Submitted", "job 7");
  for (int i = 0; i < 100; ++i) recorder.record(about, false, "Noise", "again");
  co_await f.until([&] { return f.client.all(kEvents).size() == 3 && f.client.count("patch") == 22; });
  std::map<std::string, int64_t> counts;
  for (const Object& event : f.client.all(kEvents))
    counts[std::string(text(event, {"reason"}))] = integer(event, {"count"});
  EXPECT_EQ(counts["Refused"], 3);
  EXPECT_EQ(counts["Submitted"], 1);
  EXPECT_EQ(counts["Noise"], 21);
  EXPECT_EQ(recorder.dropped(), 79U);
  co_await group.stop();
}
TEST(EventRecorder, CountsTheSameEventAndLimitsEachObject) {
  Fixture f;
  async::runToEnd(countsEvents(f));
}

Task<void> note(RequestLimiter& limiter, RequestLimiter::Priority priority, std::string& order) {
  co_await limiter.acquire(priority);
  order += priority == RequestLimiter::Priority::Urgent ? 'U' : 'n';
}

Task<void> urgentFirst() {
  const Executor executor = co_await async::thisExecutor();
  slipway::testing::ManualClock clock;  // no token comes before all are in line
  RequestLimiter limiter(1000, 1, clock);
  std::string order;
  async::TaskGroup group(executor);
  for (int i = 0; i < 5; ++i) group.spawn("normal", note(limiter, RequestLimiter::Priority::Normal, order));
  for (int i = 0; i < 5; ++i) group.spawn("urgent", note(limiter, RequestLimiter::Priority::Urgent, order));
  while (order.size() < 10) {
    co_await async::sleepFor(1ms);
    clock.advance(1ms);
  }
  co_await group.join();
  EXPECT_EQ(order, "nUUUUUnnnn");
}
TEST(RequestLimiter, UrgentRequestsGoFirst) {
  async::runToEnd(urgentFirst());
}

Task<void> holdsTheRate() {
  const Executor executor = co_await async::thisExecutor();
  const SystemClock clock;
  RequestLimiter limiter(1000, 10, clock);
  std::string order;
  const SteadyTime began = clock.steady();
  async::TaskGroup group(executor);
  for (int i = 0; i < 60; ++i) group.spawn("normal", note(limiter, RequestLimiter::Priority::Normal, order));
  co_await group.join();
  EXPECT_GE(clock.steady() - began, 45ms);
  EXPECT_EQ(order.size(), 60U);
}
TEST(RequestLimiter, HoldsTheRate) {
  async::runToEnd(holdsTheRate());
}

}  // namespace
}  // namespace slipway::kube
