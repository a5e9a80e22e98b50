#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace slipway {

using WallTime = std::chrono::system_clock::time_point;
using SteadyTime = std::chrono::steady_clock::time_point;

/// Where the time comes from. Passed to whoever asks for it, so that a test can stop it.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual WallTime now() const = 0;
  virtual SteadyTime steady() const = 0;
};

/// The clock of this machine; one for the process is enough.
class SystemClock final : public Clock {
 public:
  WallTime now() const override { return std::chrono::system_clock::now(); }
  SteadyTime steady() const override { return std::chrono::steady_clock::now(); }
};

/// "2026-11-22T02:00:17Z", as metav1.Time is written.
std::string formatTime(WallTime time);
/// "2026-11-22T02:00:17.123456Z", as metav1.MicroTime is written.
std::string formatMicroTime(WallTime time);
/// RFC 3339 with nanoseconds, "2026-11-22T02:00:17.123456789Z", as CRI logs are written.
std::string formatNanoTime(WallTime time);
/// RFC 3339 with or without a fraction, with Z or an offset.
Result<WallTime> parseTime(std::string_view text);

/// "1m", "90s", "1h30m", "250ms" (Go's duration grammar), or a bare integer of nanoseconds as Go writes it in YAML.
Result<std::chrono::nanoseconds> parseDuration(std::string_view text);
/// The shortest form in Go's grammar: "1m0s" is written "1m".
std::string formatDuration(std::chrono::nanoseconds duration);

}  // namespace slipway
