#pragma once

#include <algorithm>
#include <chrono>

#include "base/random.h"

namespace slipway::async {

/// Exponential back-off with jitter: initial, initial*factor, ... up to max, each varied by +-jitter.
struct BackoffPolicy {
  std::chrono::nanoseconds initial = std::chrono::milliseconds(500);
  std::chrono::nanoseconds max = std::chrono::seconds(30);
  double factor = 2.0;
  double jitter = 0.2;  ///< share of the delay, 0 to 1
};

class Backoff {
 public:
  Backoff(BackoffPolicy policy, Random& random) : policy_(policy), random_(random) {}

  std::chrono::nanoseconds next() {
    const double base =
        std::min(scale_ * static_cast<double>(policy_.initial.count()), static_cast<double>(policy_.max.count()));
    scale_ = std::min(scale_ * policy_.factor, 1e12);
    const double varied = base * (1.0 + policy_.jitter * (2.0 * random_.unit() - 1.0));
    return std::chrono::nanoseconds(static_cast<int64_t>(varied));
  }
  void reset() { scale_ = 1.0; }

 private:
  BackoffPolicy policy_;
  Random& random_;
  double scale_ = 1.0;
};

}  // namespace slipway::async
