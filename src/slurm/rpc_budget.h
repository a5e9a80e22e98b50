#pragma once

#include <algorithm>
#include <chrono>

#include "async/backoff.h"
#include "async/event.h"
#include "base/clock.h"
#include "base/random.h"

namespace slipway::slurm {

struct RpcBudgetOptions {
  double burst = 20;      ///< requests that may go out at once after a quiet time
  double per_second = 2;  ///< refill; the default of slurmctld's own limiter for one user
  async::BackoffPolicy backoff{.initial = std::chrono::seconds(5), .max = std::chrono::minutes(2)};
};

/// Tokens for requests to slurmctld, so that a burst of pods is no burst of RPCs, and silence after slurmctld
/// complained. Runs on one loop.
class RpcBudget {
 public:
  RpcBudget(RpcBudgetOptions options, const Clock& clock, Random& random)
      : options_(options),
        clock_(clock),
        backoff_(options.backoff, random),
        tokens_(options.burst),
        last_(clock.steady()) {}

  /// How long to wait for `count` tokens; zero takes them.
  std::chrono::nanoseconds tryTake(double count) {
    const SteadyTime now = clock_.steady();
    refill(now);
    if (quiet_until_ > now) return quiet_until_ - now;
    if (tokens_ >= count) {
      tokens_ -= count;
      return std::chrono::nanoseconds(0);
    }
    return std::chrono::nanoseconds(static_cast<int64_t>((count - tokens_) / options_.per_second * 1e9) + 1'000'000);
  }
  Task<void> take(double count) {
    while (true) {
      const std::chrono::nanoseconds wait = tryTake(count);
      if (wait.count() == 0) co_return;
      co_await async::sleepFor(wait);
    }
  }
  /// slurmctld asked for less, or did not answer: nothing goes out for a while, longer each time.
  void complain() {
    quiet_until_ = clock_.steady() + std::chrono::duration_cast<SteadyTime::duration>(backoff_.next());
  }
  void succeed() { backoff_.reset(); }
  bool quiet() const { return quiet_until_ > clock_.steady(); }

 private:
  void refill(SteadyTime now) {
    const double seconds = std::chrono::duration<double>(now - last_).count();
    tokens_ = std::min(options_.burst, tokens_ + seconds * options_.per_second);
    last_ = now;
  }

  RpcBudgetOptions options_;
  const Clock& clock_;
  async::Backoff backoff_;
  double tokens_;
  SteadyTime last_;
  SteadyTime quiet_until_{};
};

}  // namespace slipway::slurm
