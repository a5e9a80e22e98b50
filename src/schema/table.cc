#include "schema/table.h"

#include "base/strings.h"
#include "schema/table_kinds.h"

namespace slipway::schema {
namespace {

const json::object kNoObject;
const json::array kNoArray;

const KindTable* tableOf(const Gvk& gvk) {
  for (auto tables : {podTables(), workloadTables(), coreTables(), networkTables(), otherTables()}) {
    for (const KindTable& table : tables) {
      if (table.kind == gvk.kind && table.group == gvk.group) return &table;
    }
  }
  return nullptr;
}

}  // namespace

std::string_view Row::text(std::initializer_list<std::string_view> path, std::string_view otherwise) const {
  std::string_view found = json::text(object, path);
  return found.empty() ? otherwise : found;
}
int64_t Row::number(std::initializer_list<std::string_view> path, int64_t otherwise) const {
  return json::findInt(object, path).value_or(otherwise);
}
bool Row::flag(std::initializer_list<std::string_view> path, bool otherwise) const {
  const json::value* found = json::find(object, path);
  return found != nullptr && found->is_bool() ? found->get_bool() : otherwise;
}
const json::array& Row::list(std::initializer_list<std::string_view> path) const {
  const json::array* found = json::findArray(object, path);
  return found == nullptr ? kNoArray : *found;
}
const json::object& Row::map(std::initializer_list<std::string_view> path) const {
  const json::object* found = json::findObject(object, path);
  return found == nullptr ? kNoObject : *found;
}
std::string Row::age() const {
  return ageOf(text({"metadata", "creationTimestamp"}), now);
}

std::string Row::labels(std::initializer_list<std::string_view> path) const {
  std::vector<std::string> pairs;
  for (const auto& [key, part] : map(path)) {
    pairs.push_back(
        fmt::format("{}={}", std::string_view(key), part.is_string() ? std::string_view(part.get_string()) : ""));
  }
  std::ranges::sort(pairs);
  return pairs.empty() ? "<none>" : join(pairs, ",");
}

Row& Row::containers(std::initializer_list<std::string_view> path) {
  std::vector<std::string> names, images;
  for (const json::value& one : list(path)) {
    if (!one.is_object()) continue;
    names.emplace_back(json::text(one.get_object(), {"name"}));
    images.emplace_back(json::text(one.get_object(), {"image"}));
  }
  return add(join(names, ",")).add(join(images, ","));
}

std::string humanDuration(std::chrono::nanoseconds duration) {
  // Two units where the first alone would say too little; the limits are those of k8s.io/apimachinery duration.
  int64_t seconds = std::chrono::duration_cast<std::chrono::seconds>(duration).count();
  if (seconds < -1) return "<invalid>";
  if (seconds < 0) return "0s";
  auto two = [](int64_t large, char unit, int64_t small, char sub_unit) {
    return small == 0 ? fmt::format("{}{}", large, unit) : fmt::format("{}{}{}{}", large, unit, small, sub_unit);
  };
  int64_t minutes = seconds / 60, hours = minutes / 60, days = hours / 24, years = days / 365;
  if (seconds < 120) return fmt::format("{}s", seconds);
  if (minutes < 10) return two(minutes, 'm', seconds % 60, 's');
  if (minutes < 180) return fmt::format("{}m", minutes);
  if (hours < 8) return two(hours, 'h', minutes % 60, 'm');
  if (hours < 48) return fmt::format("{}h", hours);
  if (hours < 192) return two(days, 'd', hours % 24, 'h');
  if (years < 2) return fmt::format("{}d", days);
  if (years < 8) return two(years, 'y', days % 365, 'd');
  return fmt::format("{}y", years);
}

std::string ageOf(std::string_view time, WallTime now) {
  if (time.empty()) return "<unknown>";
  Result<WallTime> then = parseTime(time);
  return then ? humanDuration(now - *then) : "<unknown>";
}

std::string formatSelector(const json::object* selector) {
  std::vector<std::string> parts;
  if (selector == nullptr) return "<none>";
  if (const json::object* labels = json::findObject(*selector, {"matchLabels"})) {
    for (const auto& [key, part] : *labels) {
      parts.push_back(
          fmt::format("{}={}", std::string_view(key), part.is_string() ? std::string_view(part.get_string()) : ""));
    }
  }
  std::ranges::sort(parts);
  std::vector<std::string> more;
  if (const json::array* expressions = json::findArray(*selector, {"matchExpressions"})) {
    for (const json::value& one : *expressions) {
      if (!one.is_object()) continue;
      std::string_view key = json::text(one.get_object(), {"key"}), word = json::text(one.get_object(), {"operator"});
      std::vector<std::string> values;
      if (const json::array* given = json::findArray(one.get_object(), {"values"})) {
        for (const json::value& each : *given) {
          if (each.is_string()) values.emplace_back(each.get_string());
        }
      }
      std::ranges::sort(values);
      if (word == "Exists") more.emplace_back(key);
      if (word == "DoesNotExist") more.push_back(fmt::format("!{}", key));
      if (word == "In") more.push_back(fmt::format("{} in ({})", key, join(values, ",")));
      if (word == "NotIn") more.push_back(fmt::format("{} notin ({})", key, join(values, ",")));
    }
  }
  parts.insert(parts.end(), more.begin(), more.end());
  std::ranges::sort(parts, {}, [](const std::string& part) { return part.substr(part.starts_with('!') ? 1 : 0); });
  return parts.empty() ? "<none>" : join(parts, ",");
}

std::vector<Column> tableColumns(const Gvk& gvk) {
  const KindTable* table = tableOf(gvk);
  if (table == nullptr) return {{"Name", "string", "name"}, {"Created At", "date", ""}};
  std::vector<Column> columns;
  for (std::string_view word : split(table->columns, '|')) {
    int priority = word.starts_with('*') ? 1 : 0;
    std::vector<std::string_view> parts = split(word.substr(static_cast<size_t>(priority)), ':');
    columns.push_back({parts[0], parts.size() > 1 ? parts[1] : "string", parts.size() > 2 ? parts[2] : "", priority});
  }
  return columns;
}

json::array tableCells(const Gvk& gvk, const json::object& object, WallTime now) {
  Row row(object, now);
  const KindTable* table = tableOf(gvk);
  if (table != nullptr) {
    table->fill(row);
  } else {
    row.add(row.name()).add(row.text({"metadata", "creationTimestamp"}));
  }
  return std::move(row.cells);
}

json::array tableConditions(const Gvk& gvk, const json::object& object) {
  if (gvk.kind != "Pod" || !gvk.group.empty()) return {};
  std::string_view phase = json::text(object, {"status", "phase"});
  if (phase != "Succeeded" && phase != "Failed") return {};
  json::object done = {{"type", "Completed"}, {"status", "True"}, {"reason", phase}};
  done["message"] = phase == "Succeeded" ? "The pod has completed successfully." : "The pod failed.";
  return {std::move(done)};
}

json::array columnDefinitions(const std::vector<Column>& columns) {
  json::array out;
  for (const Column& column : columns) {
    out.push_back({{"name", column.name},
                   {"type", column.type},
                   {"format", column.format},
                   {"description", ""},
                   {"priority", column.priority}});
  }
  return out;
}

}  // namespace slipway::schema
