#pragma once

#include "base/clock.h"

namespace slipway::testing {

/// A clock that moves only when told to.
class ManualClock final : public Clock {
 public:
  explicit ManualClock(WallTime start = parseTime("2026-01-01T00:00:00Z").value()) : now_(start) {}

  WallTime now() const override { return now_; }
  SteadyTime steady() const override { return steady_; }
  void advance(std::chrono::nanoseconds by) {
    now_ += std::chrono::duration_cast<WallTime::duration>(by);
    steady_ += std::chrono::duration_cast<SteadyTime::duration>(by);
  }
  /// Somebody sets the clock of the machine.
  void jumpWall(std::chrono::nanoseconds by) { now_ += std::chrono::duration_cast<WallTime::duration>(by); }

 private:
  WallTime now_;
  SteadyTime steady_{};
};

}  // namespace slipway::testing
