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
  /// After a rate limit or a time-out: every further request makes it worse.
  async::BackoffPolicy busy{.initial = std::chrono::seconds(5), .max = std::chrono::minutes(2)};
  /// While slurmctld is down: a look costs nobody anything, and users wait for it.
  async::BackoffPolicy away{.initial = std::chrono::seconds(2), .max = std::chrono::seconds(15)};
};

/// Tokens for requests to slurmctld, so that a burst of pods is no burst of RPCs, and silence after slurmctld
/// complained. Runs on one loop.
class RpcBudget {
 public:
  RpcBudget(RpcBudgetOptions options, const Clock& clock, Random& random)
      : options_(options),
        clock_(clock),
        busy_(options.busy, random),
        away_(options.away, random),
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
  /// slurmctld asked for less, or was too slow: nothing goes out for a while, longer each time.
  void tooBusy() { quieten(busy_); }
  /// slurmctld could not be reached: the same, but never for long.
  void unreachable() { quieten(away_); }
  void succeed() {
    busy_.reset();
    away_.reset();
  }
  bool quiet() const { return quiet_until_ > clock_.steady(); }

 private:
  /// Requests that went out together fail together: that is one failure, not many.
  void quieten(async::Backoff& backoff) {
    if (quiet()) return;
    quiet_until_ = clock_.steady() + std::chrono::duration_cast<SteadyTime::duration>(backoff.next());
  }
  void refill(SteadyTime now) {
    const double seconds = std::chrono::duration<double>(now - last_).count();
    tokens_ = std::min(options_.burst, tokens_ + seconds * options_.per_second);
    last_ = now;
  }

  RpcBudgetOptions options_;
  const Clock& clock_;
  async::Backoff busy_;
  async::Backoff away_;
  double tokens_;
  SteadyTime last_;
  SteadyTime quiet_until_{};
};

}  // namespace slipway::slurm
