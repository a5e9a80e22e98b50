#pragma once

#include "supervisor/pod_context.h"

namespace slipway::supervisor {

/// kubelet's back-off: the first restart is at once, then 10 s, 20 s, ... up to 5 min; a run of 10 min starts afresh.
class RestartBackoff {
 public:
  explicit RestartBackoff(const Timing& timing) : timing_(timing) {}

  /// How long to wait before the next start, given how long the last run took.
  std::chrono::nanoseconds next(std::chrono::nanoseconds ran) {
    if (ran >= timing_.backoff_reset) delay_ = std::chrono::nanoseconds(0);
    const auto now = delay_;
    delay_ = delay_.count() == 0 ? timing_.backoff_initial : std::min(delay_ * 2, timing_.backoff_max);
    return now;
  }

 private:
  Timing timing_;
  std::chrono::nanoseconds delay_{0};
};

}  // namespace slipway::supervisor
