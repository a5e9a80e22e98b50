#include "base/clock.h"

#include <charconv>
#include <cstdint>
#include <ctime>

namespace slipway {
namespace {

using std::chrono::nanoseconds;
using std::chrono::seconds;

std::string formatWith(WallTime time, int digits) {
  const auto whole = std::chrono::floor<seconds>(time);
  const std::time_t unix_seconds = whole.time_since_epoch().count();
  std::tm parts{};
  gmtime_r(&unix_seconds, &parts);
  std::string out = fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}", parts.tm_year + 1900, parts.tm_mon + 1,
                                parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec);
  if (digits > 0) {
    int64_t fraction = std::chrono::duration_cast<nanoseconds>(time - whole).count();
    for (int i = digits; i < 9; ++i) fraction /= 10;
    out += fmt::format(".{:0{}}", fraction, digits);
  }
  return out + "Z";
}

/// Reads exactly `width` digits from the front.
std::optional<int> takeNumber(std::string_view& text, size_t width) {
  if (text.size() < width) return std::nullopt;
  int value = 0;
  for (size_t i = 0; i < width; ++i) {
    if (text[i] < '0' || text[i] > '9') return std::nullopt;
    value = value * 10 + (text[i] - '0');
  }
  text.remove_prefix(width);
  return value;
}

bool takeChar(std::string_view& text, char wanted) {
  if (text.empty() || text.front() != wanted) return false;
  text.remove_prefix(1);
  return true;
}

std::optional<nanoseconds> takeFraction(std::string_view& text) {
  if (!takeChar(text, '.')) return nanoseconds(0);
  int64_t value = 0;
  int digits = 0;
  while (!text.empty() && text.front() >= '0' && text.front() <= '9') {
    if (digits < 9) {
      value = value * 10 + (text.front() - '0');
      ++digits;
    }
    text.remove_prefix(1);
  }
  if (digits == 0) return std::nullopt;
  for (; digits < 9; ++digits) value *= 10;
  return nanoseconds(value);
}

std::optional<seconds> takeOffset(std::string_view& text) {
  if (takeChar(text, 'Z') || takeChar(text, 'z')) return seconds(0);
  if (text.empty() || (text.front() != '+' && text.front() != '-')) return std::nullopt;
  const int sign = text.front() == '+' ? 1 : -1;
  text.remove_prefix(1);
  const auto hours = takeNumber(text, 2);
  takeChar(text, ':');
  const auto minutes = takeNumber(text, 2);
  if (!hours || !minutes) return std::nullopt;
  return seconds(sign * (*hours * 3600 + *minutes * 60));
}

std::optional<WallTime> readTime(std::string_view text) {
  std::tm parts{};
  const auto year = takeNumber(text, 4);
  if (!year || !takeChar(text, '-')) return std::nullopt;
  const auto month = takeNumber(text, 2);
  if (!month || !takeChar(text, '-')) return std::nullopt;
  const auto day = takeNumber(text, 2);
  if (!day || !(takeChar(text, 'T') || takeChar(text, 't') || takeChar(text, ' '))) return std::nullopt;
  const auto hour = takeNumber(text, 2);
  if (!hour || !takeChar(text, ':')) return std::nullopt;
  const auto minute = takeNumber(text, 2);
  if (!minute || !takeChar(text, ':')) return std::nullopt;
  const auto second = takeNumber(text, 2);
  const auto fraction = takeFraction(text);
  const auto offset = takeOffset(text);
  if (!second || !fraction || !offset || !text.empty()) return std::nullopt;
  if (*month < 1 || *month > 12 || *day < 1 || *day > 31 || *hour > 23 || *minute > 59 || *second > 60) {
    return std::nullopt;
  }
  parts.tm_year = *year - 1900;
  parts.tm_mon = *month - 1;
  parts.tm_mday = *day;
  parts.tm_hour = *hour;
  parts.tm_min = *minute;
  parts.tm_sec = *second;
  const std::time_t unix_seconds = timegm(&parts);
  const auto since_epoch = seconds(unix_seconds) - *offset + *fraction;
  return WallTime(std::chrono::duration_cast<WallTime::duration>(since_epoch));
}

struct Unit {
  std::string_view name;
  int64_t nanos;
};
// Longest names first, so that "ms" is not read as "m".
constexpr Unit kUnits[] = {{"ns", 1},
                           {"us", 1'000},
                           {"µs", 1'000},
                           {"ms", 1'000'000},
                           {"s", 1'000'000'000},
                           {"m", 60'000'000'000},
                           {"h", 3'600'000'000'000}};

}  // namespace

std::string formatTime(WallTime time) {
  return formatWith(time, 0);
}
std::string formatMicroTime(WallTime time) {
  return formatWith(time, 6);
}
std::string formatNanoTime(WallTime time) {
  return formatWith(time, 9);
}

Result<WallTime> parseTime(std::string_view text) {
  if (const auto time = readTime(text)) return *time;
  return failure(Code::BadRequest, "'{}' is not an RFC 3339 time such as 2026-01-31T12:00:00Z", text);
}

Result<nanoseconds> parseDuration(std::string_view text) {
  const auto bad = [&] { return failure(Code::BadRequest, "'{}' is not a duration such as 30s, 1m or 1h30m", text); };
  std::string_view rest = text;
  const bool negative = takeChar(rest, '-');
  if (rest.empty()) return bad();
  if (rest == "0") return nanoseconds(0);
  double total = 0;
  bool any_unit = false;
  while (!rest.empty()) {
    double value = 0;
    const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), value, std::chars_format::fixed);
    if (error != std::errc() || value < 0) return bad();
    rest.remove_prefix(static_cast<size_t>(end - rest.data()));
    if (rest.empty()) {
      if (any_unit) return bad();
      total = value;
      break;
    }
    const Unit* found = nullptr;
    for (const Unit& unit : kUnits) {
      if (rest.starts_with(unit.name)) {
        found = &unit;
        break;
      }
    }
    if (found == nullptr) return bad();
    any_unit = true;
    rest.remove_prefix(found->name.size());
    total += value * static_cast<double>(found->nanos);
  }
  if (total > 9.2e18) return bad();
  return nanoseconds(static_cast<int64_t>(negative ? -total : total));
}

std::string formatDuration(nanoseconds duration) {
  int64_t rest = duration.count();
  if (rest == 0) return "0s";
  std::string out = rest < 0 ? "-" : "";
  rest = rest < 0 ? -rest : rest;
  for (const Unit& unit : {Unit{"h", 3'600'000'000'000}, Unit{"m", 60'000'000'000}, Unit{"s", 1'000'000'000},
                           Unit{"ms", 1'000'000}, Unit{"us", 1'000}, Unit{"ns", 1}}) {
    if (rest < unit.nanos) continue;
    out += fmt::format("{}{}", rest / unit.nanos, unit.name);
    rest %= unit.nanos;
  }
  return out;
}

}  // namespace slipway
