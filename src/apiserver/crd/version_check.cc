#include "apiserver/crd/version_check.h"

#include <set>

#include "base/strings.h"
#include "json/compare.h"
#include "json/document.h"

namespace slipway::apiserver {
namespace {

using Type = schema::FieldError::Type;

bool isSimplePath(std::string_view path) {
  return path.starts_with('.') && path.find_first_of("[]*?@\"' ") == std::string_view::npos;
}

}  // namespace

const json::array& definitionList(const json::object& from, std::initializer_list<std::string_view> path) {
  static const json::array none;
  const json::array* found = json::findArray(from, path);
  return found == nullptr ? none : *found;
}

std::string VersionCheck::place(size_t index, std::string_view field, std::string_view shared) const {
  const auto part = [&](const json::value& version) {
    const json::value* found = version.as_object().if_contains(field);
    return found == nullptr ? json::value() : *found;
  };
  const bool alike = std::all_of(versions_.begin(), versions_.end(), [&](const json::value& version) {
    return json::equal(part(version), part(versions_.front()));
  });
  if (alike) return index == 0 ? fmt::format("spec.{}", shared) : std::string();
  return fmt::format("spec.versions[{}].{}", index, field);
}

void VersionCheck::columns(size_t index) const {
  const std::string path = place(index, "additionalPrinterColumns", "additionalPrinterColumns");
  if (path.empty()) return;
  const json::array& columns = definitionList(versions_[index].as_object(), {"additionalPrinterColumns"});
  for (size_t i = 0; i < columns.size(); ++i) column(columns[i].as_object(), fmt::format("{}[{}]", path, i));
}

void VersionCheck::subresources(size_t index) const {
  const json::object* scale = json::findObject(versions_[index].as_object(), {"subresources", "scale"});
  const std::string path = place(index, "subresources", "subresources");
  if (path.empty() || scale == nullptr) return;
  const auto check = [&](std::string_view key, bool needed, std::initializer_list<std::string_view> roots,
                         std::string_view where) {
    const std::string_view text = json::text(*scale, {key});
    const std::string field = fmt::format("{}.scale.{}", path, key);
    if (text.empty() && needed) return root_.add(Type::Required, field, "Required value");
    if (text.empty()) return;
    if (!isSimplePath(text)) return root_.invalidAt(field, text, "must be a simple json path starting with .");
    const bool below = std::any_of(roots.begin(), roots.end(), [&](std::string_view start) {
      return text.starts_with(start) && text.size() > start.size();
    });
    if (!below) root_.invalidAt(field, text, fmt::format("should be a json path under {}", where));
  };
  check("specReplicasPath", true, {".spec."}, ".spec");
  check("statusReplicasPath", true, {".status."}, ".status");
  check("labelSelectorPath", false, {".spec.", ".status."}, "either .spec or .status");
}

void VersionCheck::selectable(size_t index) const {
  const json::object& version = versions_[index].as_object();
  const json::array& fields = definitionList(version, {"selectableFields"});
  const std::string path = place(index, "selectableFields", "selectableFields");
  if (path.empty()) return;
  std::set<std::string, std::less<>> seen;
  for (size_t i = 0; i < fields.size(); ++i) {
    const std::string_view text = json::text(fields[i].as_object(), {"jsonPath"});
    const std::string field = fmt::format("{}[{}].jsonPath", path, i);
    if (text.empty()) {
      root_.add(Type::Required, field, "Required value");
    } else if (!text.starts_with('.')) {
      root_.invalidAt(field, text,
                      fmt::format("is an invalid path: expected [ or . but got: {}", text.substr(0, text.find('.'))));
    } else if (!seen.emplace(text).second) {
      root_.add(Type::Duplicate, field, fmt::format("Duplicate value: \"{}\"", text));
    } else {
      selectableType(version, text, field);
    }
  }
}

void VersionCheck::column(const json::object& column, const std::string& path) const {
  constexpr std::string_view kTypes = "boolean,date,integer,number,string";
  constexpr std::string_view kFormats = "byte,date,date-time,double,float,int32,int64,password";
  const auto isOneOf = [](std::string_view text, std::string_view list) {
    const std::vector<std::string_view> all = split(list, ',');
    return std::find(all.begin(), all.end(), text) != all.end();
  };
  if (json::text(column, {"name"}).empty()) root_.add(Type::Required, path + ".name", "Required value");
  const std::string_view type = json::text(column, {"type"});
  if (type.empty()) {
    root_.add(Type::Required, path + ".type", fmt::format("Required value: must be one of {}", kTypes));
  } else if (!isOneOf(type, kTypes)) {
    root_.invalidAt(path + ".type", type, fmt::format("must be one of {}", kTypes));
  }
  const std::string_view format = json::text(column, {"format"});
  if (!format.empty() && !isOneOf(format, kFormats))
    root_.invalidAt(path + ".format", format, fmt::format("must be one of {}", kFormats));
  const std::string_view json_path = json::text(column, {"jsonPath"});
  if (json_path.empty()) {
    root_.add(Type::Required, path + ".JSONPath", "Required value");
  } else if (!json_path.starts_with('.')) {
    root_.invalidAt(path + ".JSONPath", json_path, "must be a simple json path starting with .");
  }
}

void VersionCheck::selectableType(const json::object& version, std::string_view text, const std::string& field) const {
  const json::object* at = json::findObject(version, {"schema", "openAPIV3Schema"});
  const std::vector<std::string_view> names = split(text.substr(1), '.');
  for (const std::string_view name : names) {
    if (at != nullptr) at = json::findObject(*at, {"properties", name});
  }
  if (at == nullptr || names.front() == "metadata")
    return root_.invalidAt(field, text, "is an invalid path: does not refer to a valid field");
  const std::string_view type = json::text(*at, {"type"});
  if (type == "string" || type == "boolean" || type == "integer") return;
  root_.invalidAt(field, text,
                  "must point to a field of type string, boolean or integer. Enum string fields and strings with "
                  "formats are allowed.");
}

}  // namespace slipway::apiserver
