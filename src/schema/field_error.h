#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "json/json.h"

namespace slipway::schema {

/// One thing that is wrong with an object. `reason` is the cause's type in a Status ("FieldValueInvalid").
struct FieldError {
  enum class Type { Required, Invalid, NotSupported, Forbidden, Duplicate, NotFound, TooLong, TooMany } type;
  std::string field;   ///< "spec.containers[0].name"
  std::string detail;  ///< what stands after the path: `Invalid value: "X": a lowercase ...`

  std::string message() const { return field + ": " + detail; }
  std::string_view reason() const;
};

using FieldErrors = std::vector<FieldError>;

/// `Pod "x" is invalid: spec.containers: Required value`; several errors stand in brackets, equal ones once.
Error invalidError(std::string_view group, std::string_view kind, std::string_view name, const FieldErrors& errors);
/// The causes of the Status: [{"reason", "message", "field"}].
json::array invalidCauses(const FieldErrors& errors);

/// The value that is wrong, of whatever kind it is at hand.
struct BadValue {
  json::value value;

  BadValue(std::string_view text) : value(text) {}
  BadValue(const char* text) : value(text) {}
  BadValue(const std::string& text) : value(text) {}
  BadValue(json::value bad) : value(std::move(bad)) {}
  BadValue(json::object bad) : value(std::move(bad)) {}
  BadValue(json::array bad) : value(std::move(bad)) {}
  BadValue(int64_t number) : value(number) {}
  BadValue(int number) : value(number) {}
};

/// One place in a document while it is checked: reads it, and says what is wrong there.
///
/// A stack object; refers to the one above it and to the list of errors. The path is written only when something is
/// wrong. A missing object reads as an empty one.
class Check {
 public:
  Check(FieldErrors& errors, const json::object& root);

  /// The result refers to this one, which must therefore have a name.
  Check child(std::string_view key) const&;
  Check child(std::string_view key) const&& = delete;
  /// An object under a key with its own name in the path, as maps have: "limits[cpu]".
  std::string path() const;
  std::string path(std::string_view key) const;

  const json::object& object() const { return *object_; }
  bool present() const { return present_; }
  bool has(std::string_view key) const;
  std::string_view text(std::string_view key) const;
  std::optional<int64_t> number(std::string_view key) const;
  bool flag(std::string_view key) const;
  const json::value* value(std::string_view key) const;
  size_t count(std::string_view key) const;

  /// Calls each(Check) for the objects of a list.
  template <typename Each>
  void list(std::string_view key, Each each) const {
    const json::value* found = value(key);
    const json::array* items = found == nullptr ? nullptr : found->if_array();
    for (size_t i = 0; items != nullptr && i < items->size(); ++i) each(item(key, *items, i));
  }
  /// Calls each(text, path) for the strings of a list.
  template <typename Each>
  void strings(std::string_view key, Each each) const {
    const json::value* found = value(key);
    const json::array* items = found == nullptr ? nullptr : found->if_array();
    for (size_t i = 0; items != nullptr && i < items->size(); ++i) {
      if ((*items)[i].is_string()) each(std::string_view((*items)[i].get_string()), i);
    }
  }

  void add(FieldError::Type type, std::string field, std::string detail) const;
  void required(std::string_view key, std::string_view detail = "") const;
  void forbidden(std::string_view key, std::string_view detail) const;
  /// With the value under the key, or what is given.
  void invalid(std::string_view key, std::string_view detail) const;
  void invalidAt(std::string field, const BadValue& bad, std::string_view detail) const;
  void duplicateAt(std::string field, const BadValue& bad) const;
  void notSupportedAt(std::string field, const BadValue& bad, std::initializer_list<std::string_view> known) const;

  /// A value that is there and not one of these is an error; a missing one too if it is needed.
  void oneOf(std::string_view key, std::initializer_list<std::string_view> known, bool needed = false) const;
  void needed(std::string_view key, std::string_view detail = "") const;
  void atLeast(std::string_view key, int64_t least) const;
  void between(std::string_view key, int64_t least, int64_t most) const;
  /// Runs a format over a text that is there; each message is one error.
  void format(std::string_view key, std::vector<std::string> (*rule)(std::string_view)) const;

 private:
  Check item(std::string_view key, const json::array& items, size_t index) const;
  Check(const Check* parent, std::string_view key, ptrdiff_t index, const json::object& object, bool present);

  FieldErrors* errors_;
  const Check* parent_ = nullptr;
  std::string_view key_;
  ptrdiff_t index_ = -1;
  const json::object* object_;
  bool present_ = true;
};

}  // namespace slipway::schema
