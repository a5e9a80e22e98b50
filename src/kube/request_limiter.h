#pragma once

#include <deque>
#include <memory>

#include "async/event.h"
#include "base/clock.h"

namespace slipway::kube {

/// Holds requests to an API server back to a rate, so that it stays usable for others.
///
/// Two classes: urgent requests (leases, node and pod status) have the first call on every token, so that ten thousand
/// waiting creates never make a Node look dead. Runs on one loop.
class RequestLimiter {
 public:
  enum class Priority { Urgent, Normal };

  /// `rate` in requests a second; `burst` of them at once.
  RequestLimiter(double rate, double burst, const Clock& clock);

  /// Waits for a turn; in order of arrival within a class.
  Task<void> acquire(Priority priority);
  /// The server said 429: nobody goes before `delay` is over.
  void pause(std::chrono::nanoseconds delay);

 private:
  struct Waiter {
    async::Event turn;
    bool granted = false;
  };
  using Queue = std::deque<std::shared_ptr<Waiter>>;

  void refill();
  void grant(Queue& queue);
  std::chrono::nanoseconds untilToken() const;

  double rate_;
  double burst_;
  const Clock& clock_;
  double tokens_;
  SteadyTime filled_at_;
  SteadyTime paused_until_{};
  Queue urgent_;
  Queue normal_;
};

}  // namespace slipway::kube
