#include "base/clock.h"

#include <gtest/gtest.h>

namespace slipway {
namespace {

using namespace std::chrono_literals;

TEST(ParseTime, ReadsFractionsAndOffsets) {
  EXPECT_EQ(formatTime(parseTime("2026-11-22T02:00:17Z").value()), "2026-11-22T02:00:17Z");
  EXPECT_EQ(formatTime(parseTime("2026-11-22T02:00:17+02:00").value()), "2026-11-22T00:00:17Z");
  EXPECT_EQ(formatMicroTime(parseTime("2026-11-22T02:00:17.5Z").value()), "2026-11-22T02:00:17.500000Z");
  EXPECT_EQ(formatNanoTime(parseTime("1960-01-01T00:00:00.25Z").value()), "1960-01-01T00:00:00.250000000Z");
}

TEST(ParseTime, RefusesEveryCutText) {
  const std::string_view whole = "2026-11-22T02:00:17Z";
  for (size_t size = 0; size < whole.size(); ++size) EXPECT_FALSE(parseTime(whole.substr(0, size)).has_value()) << size;
  EXPECT_FALSE(parseTime("2026-13-22T02:00:17Z").has_value());
}

TEST(ParseDuration, SpeaksGo) {
  EXPECT_EQ(parseDuration("1m").value(), 1min);
  EXPECT_EQ(parseDuration("1h30m").value(), 90min);
  EXPECT_EQ(parseDuration("1.5s").value(), 1500ms);
  EXPECT_EQ(parseDuration("250ms").value(), 250ms);
  EXPECT_EQ(parseDuration("60000000000").value(), 1min);
  EXPECT_EQ(parseDuration("-5s").value(), -5s);
  for (const char* bad : {"", "1x", "m", "1m5", "1 m", "-"}) EXPECT_FALSE(parseDuration(bad).has_value()) << bad;
}

TEST(FormatDuration, IsShort) {
  EXPECT_EQ(formatDuration(1min), "1m");
  EXPECT_EQ(formatDuration(90min), "1h30m");
  EXPECT_EQ(formatDuration(0s), "0s");
  EXPECT_EQ(formatDuration(1500ms), "1s500ms");
}

}  // namespace
}  // namespace slipway
