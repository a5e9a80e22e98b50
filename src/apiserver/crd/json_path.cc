#include "apiserver/crd/json_path.h"

#include <optional>
#include <string>
#include <vector>

#include "base/strings.h"

namespace slipway::apiserver {
namespace {

using Values = std::vector<const json::value*>;

/// One step of a path at a time, applied to all that was found so far.
class PathWalker {
 public:
  explicit PathWalker(std::string_view path) : rest_(path) {}

  json::value walk(const json::object& object) {
    const json::value root(object);
    found_ = {&root};
    while (!rest_.empty() && !found_.empty()) {
      if (rest_[0] == '[') {
        bracket();
      } else {
        name();
      }
    }
    if (found_.empty()) return nullptr;
    return *found_[0];
  }

 private:
  void name() {
    if (rest_[0] == '.') rest_.remove_prefix(1);
    std::string word;
    while (!rest_.empty() && rest_[0] != '.' && rest_[0] != '[') {
      if (rest_[0] == '\\' && rest_.size() > 1) rest_.remove_prefix(1);
      word += rest_[0];
      rest_.remove_prefix(1);
    }
    if (!word.empty()) child(word);
  }

  void bracket() {
    const size_t end = rest_.find(']');
    if (end == std::string_view::npos) {
      found_.clear();
      return;
    }
    std::string_view inside = rest_.substr(1, end - 1);
    rest_.remove_prefix(end + 1);
    if (inside.starts_with("?(") && inside.ends_with(")")) return filter(inside.substr(2, inside.size() - 3));
    if (inside == "*") return every();
    if (const auto index = parseInt(inside)) return element(*index);
    if (inside.size() > 1 && (inside[0] == '\'' || inside[0] == '"')) inside = inside.substr(1, inside.size() - 2);
    child(inside);
  }

  template <typename Step>
  void each(Step step) {
    Values next;
    for (const json::value* value : found_) step(*value, next);
    found_ = std::move(next);
  }
  void child(std::string_view word) {
    if (word == "*") return every();
    each([&](const json::value& value, Values& next) {
      const json::value* part = value.is_object() ? value.get_object().if_contains(word) : nullptr;
      if (part != nullptr) next.push_back(part);
    });
  }
  void every() {
    each([](const json::value& value, Values& next) {
      if (value.is_array()) {
        for (const json::value& part : value.get_array()) next.push_back(&part);
      } else if (value.is_object()) {
        for (const auto& [key, part] : value.get_object()) next.push_back(&part);
      }
    });
  }
  void element(int64_t index) {
    each([&](const json::value& value, Values& next) {
      if (!value.is_array()) return;
      const auto size = static_cast<int64_t>(value.get_array().size());
      const int64_t at = index < 0 ? size + index : index;
      if (at >= 0 && at < size) next.push_back(&value.get_array()[static_cast<size_t>(at)]);
    });
  }
  /// @.type=="Ready"
  void filter(std::string_view condition) {
    const size_t op = condition.find("==");
    if (op == std::string_view::npos || !condition.starts_with("@.")) {
      found_.clear();
      return;
    }
    const std::string field(trim(condition.substr(2, op - 2)));
    std::string_view wanted = trim(condition.substr(op + 2));
    if (wanted.size() > 1 && (wanted[0] == '"' || wanted[0] == '\'')) wanted = wanted.substr(1, wanted.size() - 2);
    each([&](const json::value& value, Values& next) {
      if (!value.is_array()) return;
      for (const json::value& part : value.get_array()) {
        const json::value* mine = part.is_object() ? part.get_object().if_contains(field) : nullptr;
        if (mine == nullptr) continue;
        const std::string text = mine->is_string() ? std::string(mine->get_string()) : json::serialize(*mine);
        if (text == wanted) next.push_back(&part);
      }
    });
  }

  std::string_view rest_;
  Values found_;
};

}  // namespace

json::value evaluateJsonPath(const json::object& object, std::string_view path) {
  if (path.starts_with('{') && path.ends_with('}')) path = path.substr(1, path.size() - 2);
  return PathWalker(path).walk(object);
}

}  // namespace slipway::apiserver
