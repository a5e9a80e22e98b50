#include "base/result.h"
#include "base/strings.h"
#include "schema/formats.h"

namespace slipway::schema {
namespace {

/// A number or a name of a cron field; what is wrong otherwise.
Result<int64_t> cronNumber(std::string_view text, std::span<const std::string_view> names, int64_t first) {
  const auto named = std::ranges::find(names, toLower(text));
  if (named != names.end()) return first + (named - names.begin());
  const std::optional<int64_t> number = parseInt(text);
  if (!number) {
    return failure(Code::Invalid,
                   fmt::format("failed to parse int from {}: strconv.Atoi: parsing {:?}: invalid syntax", text, text));
  }
  if (*number < 0) return failure(Code::Invalid, fmt::format("negative number ({}) not allowed: {}", *number, text));
  return *number;
}

/// One of the comma-separated parts of a cron field: "*", "5", "1-5", "*/2".
Status cronPart(std::string_view part, int64_t least, int64_t most, std::span<const std::string_view> names) {
  const std::vector<std::string_view> halves = split(part, '/'), ends = split(halves[0], '-');
  const auto refuse = [&](std::string words) -> Status { return failure(Code::Invalid, std::move(words)); };
  int64_t start = least, end = most;
  if (ends[0] != "*" && ends[0] != "?") {
    if (ends.size() > 2) return refuse(fmt::format("too many hyphens: {}", part));
    TRY(start, cronNumber(ends[0], names, least));
    end = start;
    if (ends.size() == 2) {
      TRY(end, cronNumber(ends[1], names, least));
    }
  }
  if (halves.size() > 2) return refuse(fmt::format("too many slashes: {}", part));
  if (halves.size() == 2) {
    TRY(const int64_t step, cronNumber(halves[1], {}, 0));
    if (step == 0) return refuse(fmt::format("step of range should be a positive number: {}", part));
    if (ends.size() == 1) end = most;
  }
  if (start < least) return refuse(fmt::format("beginning of range ({}) below minimum ({}): {}", start, least, part));
  if (end > most) return refuse(fmt::format("end of range ({}) above maximum ({}): {}", end, most, part));
  if (start > end) return refuse(fmt::format("beginning of range ({}) beyond end of range ({}): {}", start, end, part));
  return {};
}

Status cronFields(std::string_view schedule) {
  std::vector<std::string> fields;
  for (std::string_view word : split(schedule, ' ')) {
    if (!word.empty()) fields.emplace_back(word);
  }
  if (fields.size() != 5) {
    return failure(Code::Invalid,
                   fmt::format("expected exactly 5 fields, found {}: [{}]", fields.size(), join(fields, " ")));
  }
  static constexpr std::array<std::string_view, 12> kMonths = {"jan", "feb", "mar", "apr", "may", "jun",
                                                               "jul", "aug", "sep", "oct", "nov", "dec"};
  static constexpr std::array<std::string_view, 7> kDays = {"sun", "mon", "tue", "wed", "thu", "fri", "sat"};
  struct Bounds {
    int64_t least, most;
    std::span<const std::string_view> names;
  };
  const std::array bounds = {Bounds{0, 59, {}}, Bounds{0, 23, {}}, Bounds{1, 31, {}}, Bounds{1, 12, kMonths},
                             Bounds{0, 6, kDays}};
  for (size_t i = 0; i < fields.size(); ++i) {
    for (std::string_view part : split(fields[i], ',')) {
      if (!part.empty()) TRY_STATUS(cronPart(part, bounds[i].least, bounds[i].most, bounds[i].names));
    }
  }
  return {};
}

}  // namespace

Problems cronSchedule(std::string_view text) {
  if (text.find("TZ") != std::string_view::npos) {
    return {"cannot use TZ or CRON_TZ in schedule, use timeZone field instead"};
  }
  if (text.starts_with('@')) {
    constexpr std::array kNames = {"@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly"};
    if (std::ranges::find(kNames, text) != kNames.end() || text.starts_with("@every ")) return {};
    return {fmt::format("unrecognized descriptor: {}", text)};
  }
  const Status fine = cronFields(text);
  return fine ? Problems() : Problems{fine.error().message};
}

}  // namespace slipway::schema
