#include "schema/field_error.h"

#include "base/strings.h"
#include "json/document.h"

namespace slipway::schema {
namespace {

const json::object kNothing;

std::string shown(const json::value& bad) {
  if (bad.is_string()) return fmt::format("{:?}", std::string_view(bad.get_string()));
  if (bad.is_double()) return fmt::format("{}", bad.get_double());
  return json::serialize(bad);
}

std::string withDetail(std::string_view words, std::string_view detail) {
  return detail.empty() ? std::string(words) : fmt::format("{}: {}", words, detail);
}

}  // namespace

std::string_view FieldError::reason() const {
  switch (type) {
    case Type::Required:
      return "FieldValueRequired";
    case Type::Invalid:
      return "FieldValueInvalid";
    case Type::NotSupported:
      return "FieldValueNotSupported";
    case Type::Forbidden:
      return "FieldValueForbidden";
    case Type::Duplicate:
      return "FieldValueDuplicate";
    case Type::NotFound:
      return "FieldValueNotFound";
    case Type::TooLong:
      return "FieldValueTooLong";
    case Type::TooMany:
      return "FieldValueTooMany";
  }
  return "FieldValueInvalid";
}

Error invalidError(std::string_view group, std::string_view kind, std::string_view name, const FieldErrors& errors) {
  std::vector<std::string> messages;
  for (const FieldError& error : errors) {
    std::string message = error.message();
    if (std::ranges::find(messages, message) == messages.end()) messages.push_back(std::move(message));
  }
  std::string all = join(messages, ", ");
  if (messages.size() > 1) all = fmt::format("[{}]", all);
  return {Code::Invalid, fmt::format("{}{}{} \"{}\" is invalid: {}", kind, group.empty() ? "" : ".", group, name, all)};
}

json::array invalidCauses(const FieldErrors& errors) {
  json::array out;
  for (const FieldError& error : errors) {
    out.push_back({{"reason", error.reason()}, {"message", error.detail}, {"field", error.field}});
  }
  return out;
}

Check::Check(FieldErrors& errors, const json::object& root) : errors_(&errors), object_(&root) {}

Check::Check(const Check* parent, std::string_view key, ptrdiff_t index, const json::object& object, bool present)
    : errors_(parent->errors_), parent_(parent), key_(key), index_(index), object_(&object), present_(present) {}

Check Check::child(std::string_view key) const& {
  const json::value* found = object_->if_contains(key);
  bool there = found != nullptr && found->is_object();
  return Check(this, key, -1, there ? found->get_object() : kNothing, there);
}

Check Check::item(std::string_view key, const json::array& items, size_t index) const {
  bool there = items[index].is_object();
  return Check(this, key, static_cast<ptrdiff_t>(index), there ? items[index].get_object() : kNothing, there);
}

std::string Check::path() const {
  if (parent_ == nullptr) return "";
  std::string out = parent_->path(key_);
  if (index_ >= 0) out += fmt::format("[{}]", index_);
  return out;
}

std::string Check::path(std::string_view key) const {
  std::string out = path();
  if (key.empty()) return out;
  return out.empty() ? std::string(key) : fmt::format("{}.{}", out, key);
}

bool Check::has(std::string_view key) const {
  return object_->contains(key);
}
std::string_view Check::text(std::string_view key) const {
  return json::text(*object_, {key});
}
std::optional<int64_t> Check::number(std::string_view key) const {
  return json::findInt(*object_, {key});
}
bool Check::flag(std::string_view key) const {
  return json::isTrue(*object_, {key});
}
const json::value* Check::value(std::string_view key) const {
  return object_->if_contains(key);
}

size_t Check::count(std::string_view key) const {
  const json::value* found = value(key);
  if (found == nullptr) return 0;
  return found->is_array() ? found->get_array().size() : found->is_object() ? found->get_object().size() : 0;
}

void Check::add(FieldError::Type type, std::string field, std::string detail) const {
  errors_->push_back({type, std::move(field), std::move(detail)});
}

void Check::required(std::string_view key, std::string_view detail) const {
  add(FieldError::Type::Required, path(key), withDetail("Required value", detail));
}

void Check::forbidden(std::string_view key, std::string_view detail) const {
  add(FieldError::Type::Forbidden, path(key), withDetail("Forbidden", detail));
}

void Check::invalid(std::string_view key, std::string_view detail) const {
  const json::value* bad = value(key);
  invalidAt(path(key), bad == nullptr ? BadValue("") : BadValue(*bad), detail);
}

void Check::invalidAt(std::string field, const BadValue& bad, std::string_view detail) const {
  add(FieldError::Type::Invalid, std::move(field), withDetail("Invalid value: " + shown(bad.value), detail));
}

void Check::duplicateAt(std::string field, const BadValue& bad) const {
  add(FieldError::Type::Duplicate, std::move(field), "Duplicate value: " + shown(bad.value));
}

void Check::notSupportedAt(std::string field, const BadValue& bad,
                           std::initializer_list<std::string_view> known) const {
  std::vector<std::string> quoted;
  for (std::string_view one : known) quoted.push_back(fmt::format("{:?}", one));
  add(FieldError::Type::NotSupported, std::move(field),
      fmt::format("Unsupported value: {}: supported values: {}", shown(bad.value), join(quoted, ", ")));
}

void Check::oneOf(std::string_view key, std::initializer_list<std::string_view> known, bool is_needed) const {
  std::string_view given = text(key);
  if (given.empty()) {
    if (is_needed) required(key);
  } else if (std::ranges::find(known, given) == known.end()) {
    notSupportedAt(path(key), given, known);
  }
}

void Check::needed(std::string_view key, std::string_view detail) const {
  const json::value* given = value(key);
  bool empty = given == nullptr || (given->is_string() && given->get_string().empty()) ||
               (given->is_array() && given->get_array().empty()) || (given->is_object() && given->get_object().empty());
  if (empty) required(key, detail);
}

void Check::atLeast(std::string_view key, int64_t least) const {
  std::optional<int64_t> given = number(key);
  if (given && *given < least) {
    invalid(key, fmt::format("must be greater than or equal to {}", least));
  }
}

void Check::between(std::string_view key, int64_t least, int64_t most) const {
  std::optional<int64_t> given = number(key);
  if (given && (*given < least || *given > most)) {
    invalid(key, fmt::format("must be between {} and {}, inclusive", least, most));
  }
}

void Check::format(std::string_view key, std::vector<std::string> (*rule)(std::string_view)) const {
  std::string_view given = text(key);
  if (given.empty()) return;
  for (const std::string& message : rule(given)) invalid(key, message);
}

}  // namespace slipway::schema
