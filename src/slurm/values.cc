#include "slurm/values.h"

#include <charconv>

#include "base/strings.h"

namespace slipway::slurm {
namespace {

/// Exactly `count` digits at `at`, or -1.
int digitsAt(std::string_view text, size_t at, size_t count) {
  int value = 0;
  for (size_t i = at; i < at + count; ++i) {
    const char c = text[i];
    if (c < '0' || c > '9') return -1;
    value = value * 10 + (c - '0');
  }
  return value;
}

/// Days since 1970-01-01 of a civil date (proleptic Gregorian), by counting leap days from March on.
int64_t daysOf(int year, int month, int day) {
  const int64_t y = month <= 2 ? year - 1 : year;
  const int64_t era = y / 400;
  const int64_t year_of_era = y - era * 400;
  const int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
  return era * 146097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719468;
}

/// A decimal number with an optional fraction and unit; `unit` gets the letter or 0.
double numberWithUnit(std::string_view text, char& unit) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  unit = 0;
  if (error != std::errc()) return 0;
  if (end != text.data() + text.size()) unit = *end;
  return value;
}

double scaleOf(char unit) {
  switch (unit) {
    case 'K':
    case 'k':
      return 1024.0;
    case 'M':
    case 'm':
      return 1024.0 * 1024;
    case 'G':
    case 'g':
      return 1024.0 * 1024 * 1024;
    case 'T':
    case 't':
      return 1024.0 * 1024 * 1024 * 1024;
    case 'P':
    case 'p':
      return 1024.0 * 1024 * 1024 * 1024 * 1024;
    default:
      return 1.0;
  }
}

int64_t bounded(double value) {
  return value < 0 || value > 9e18 ? 0 : static_cast<int64_t>(value);
}

template <typename Visit>
void eachOutsideParentheses(std::string_view text, Visit visit) {
  int depth = 0;
  size_t begin = 0;
  for (size_t i = 0; i <= text.size(); ++i) {
    const char c = i < text.size() ? text[i] : ',';
    if (c == '(') ++depth;
    if (c == ')' && depth > 0) --depth;
    if (c != ',' || (depth > 0 && i < text.size())) continue;
    if (i > begin) visit(text.substr(begin, i - begin));
    begin = i + 1;
  }
}

void addGres(std::string_view name, std::string_view type, int64_t count,
             google::protobuf::RepeatedPtrField<site::v1::Gres>& out) {
  if (name.empty()) return;
  for (site::v1::Gres& known : out) {
    if (known.name() != name || known.type() != type) continue;
    known.set_count(known.count() + count);
    return;
  }
  site::v1::Gres& gres = *out.Add();
  gres.set_name(toValidUtf8(name));
  gres.set_type(toValidUtf8(type));
  gres.set_count(count);
}

bool startsWithDigit(std::string_view text) {
  return !text.empty() && text[0] >= '0' && text[0] <= '9';
}

void parseOneGres(std::string_view entry, google::protobuf::RepeatedPtrField<site::v1::Gres>& out) {
  entry = trim(entry.substr(0, entry.find('(')));
  for (const std::string_view prefix : {"gres/", "gres:"}) {
    if (entry.starts_with(prefix)) entry.remove_prefix(prefix.size());
  }
  // "name", "name:2", "name:type", "name:type:2", "name:no_consume:2"; '=' before the count in TRES.
  const size_t name_end = entry.find_first_of(":=");
  const std::string_view name = entry.substr(0, name_end);
  std::string_view type;
  int64_t count = 1;
  while (!entry.empty()) {
    const size_t colon = entry.find_first_of(":=");
    if (colon == std::string_view::npos) break;
    entry.remove_prefix(colon + 1);
    const std::string_view part = entry.substr(0, entry.find_first_of(":="));
    const bool last = part.size() == entry.size();
    if (last && startsWithDigit(part)) {
      count = parseCount(part);
    } else if (part != "no_consume" && part != "(null)") {
      type = part;
    }
  }
  addGres(name, type, count, out);
}

}  // namespace

bool isNothing(std::string_view value) {
  return value.empty() || value == "(null)" || value == "None" || value == "N/A" || value == "n/a" || value == "n/s" ||
         value == "Unknown";
}

int64_t parseTimestamp(std::string_view value) {
  if (value.size() < 19 || value[4] != '-' || value[7] != '-' || value[10] != 'T' || value[13] != ':') return 0;
  const int year = digitsAt(value, 0, 4), month = digitsAt(value, 5, 2), day = digitsAt(value, 8, 2);
  const int hour = digitsAt(value, 11, 2), minute = digitsAt(value, 14, 2), second = digitsAt(value, 17, 2);
  if (year < 1970 || month < 1 || month > 12 || day < 1 || day > 31 || hour < 0 || minute < 0 || second < 0) return 0;
  return daysOf(year, month, day) * 86400 + hour * 3600 + minute * 60 + second;
}

int64_t parseTimeLimit(std::string_view value) {
  int64_t days = 0;
  if (const size_t dash = value.find('-'); dash != std::string_view::npos) {
    days = parseInt(value.substr(0, dash)).value_or(-1);
    value.remove_prefix(dash + 1);
    // "D-HH" and "D-HH:MM" count from the hours.
    const auto colons = std::count(value.begin(), value.end(), ':');
    if (days < 0 || days > 1'000'000) return 0;
    if (colons == 0) return (days * 24 + parseInt(value).value_or(0)) * 3600;
    if (colons == 1) return days * 86400 + parseTimeLimit(std::string(value) + ":00");
  }
  int64_t total = 0;
  int parts = 0;
  while (!value.empty()) {
    const size_t colon = value.find(':');
    const auto part = parseInt(value.substr(0, colon));
    if (!part || *part < 0 || *part > 100'000'000) return 0;
    total = total * 60 + *part;
    ++parts;
    value.remove_prefix(colon == std::string_view::npos ? value.size() : colon + 1);
  }
  if (parts == 1) total *= 60;
  return parts > 3 ? 0 : days * 86400 + total;
}

std::string formatTimeLimit(int64_t seconds) {
  const int64_t days = seconds / 86400;
  const std::string clock = fmt::format("{:02}:{:02}:{:02}", seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
  return days > 0 ? fmt::format("{}-{}", days, clock) : clock;
}

int64_t parseCount(std::string_view value) {
  char unit = 0;
  const double number = numberWithUnit(value, unit);
  return bounded(number * scaleOf(unit));
}

int64_t parseMemoryMib(std::string_view value) {
  char unit = 0;
  const double number = numberWithUnit(value, unit);
  const double bytes = unit == 0 ? number * 1024 * 1024 : number * scaleOf(unit);
  return bounded(bytes / (1024.0 * 1024));
}

void parseGres(std::string_view text, google::protobuf::RepeatedPtrField<site::v1::Gres>& out) {
  if (isNothing(text)) return;
  eachOutsideParentheses(text, [&](std::string_view entry) { parseOneGres(entry, out); });
}

std::string_view tresValue(std::string_view tres, std::string_view name) {
  while (!tres.empty()) {
    const size_t comma = tres.find(',');
    const std::string_view entry = tres.substr(0, comma);
    if (entry.size() > name.size() && entry[name.size()] == '=' && entry.starts_with(name)) {
      return entry.substr(name.size() + 1);
    }
    tres.remove_prefix(comma == std::string_view::npos ? tres.size() : comma + 1);
  }
  return {};
}

void gresOfTres(std::string_view tres, google::protobuf::RepeatedPtrField<site::v1::Gres>& out) {
  if (tres.find("gres/") == std::string_view::npos) return;
  google::protobuf::RepeatedPtrField<site::v1::Gres> all;
  eachOutsideParentheses(tres, [&](std::string_view entry) {
    if (entry.starts_with("gres/")) parseOneGres(entry, all);
  });
  for (const site::v1::Gres& gres : all) {
    int64_t count = gres.count();
    for (const site::v1::Gres& typed : all) {
      if (gres.type().empty() && !typed.type().empty() && typed.name() == gres.name()) count -= typed.count();
    }
    if (count > 0) addGres(gres.name(), gres.type(), count, out);
  }
}

int64_t countIds(std::string_view ids) {
  if (isNothing(ids)) return 0;
  int64_t total = 0;
  while (!ids.empty()) {
    const size_t comma = ids.find(',');
    const auto [first, last] = splitOnce(ids.substr(0, comma), '-');
    const auto from = parseInt(first);
    const auto to = last.empty() ? from : parseInt(last);
    if (from && to && *to >= *from && *to - *from < 1'000'000) total += *to - *from + 1;
    ids.remove_prefix(comma == std::string_view::npos ? ids.size() : comma + 1);
  }
  return total;
}

}  // namespace slipway::slurm
