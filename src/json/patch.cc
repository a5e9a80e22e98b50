#include "json/patch.h"

#include "json/compare.h"
#include "json/document.h"
#include "json/pointer.h"

namespace slipway::json {
namespace {

using Words = std::vector<std::string>;

/// The container that holds the last word of a path, and that word.
struct Place {
  value* parent;
  std::string last;
};

value* step(value& here, std::string_view word) {
  if (object* map = here.if_object()) return map->if_contains(word);
  if (array* list = here.if_array()) {
    std::optional<size_t> index = indexOf(word, list->size());
    return index ? &(*list)[*index] : nullptr;
  }
  return nullptr;
}

value* locate(value& document, const Words& words) {
  value* here = &document;
  for (const std::string& word : words) {
    here = step(*here, word);
    if (here == nullptr) return nullptr;
  }
  return here;
}

tl::unexpected<Error> missing(std::string_view operation, std::string_view path) {
  return failure(Code::Invalid, "{} operation does not apply: doc is missing path: {}: missing value", operation, path);
}

size_t weigh(const value& part) {
  size_t sum = 1;
  if (const object* map = part.if_object()) {
    for (const auto& [key, child] : *map) sum += weigh(child);
  } else if (const array* list = part.if_array()) {
    for (const value& child : *list) sum += weigh(child);
  }
  return sum;
}

class Patcher {
 public:
  explicit Patcher(value document) : document_(std::move(document)) {}
  value release() { return std::move(document_); }

  Status run(const object& operation) {
    std::string_view kind = text(operation, {"op"});
    std::string path(text(operation, {"path"}));
    const value* path_value = operation.if_contains("path");
    if (path_value == nullptr || !path_value->is_string()) {
      return failure(Code::BadRequest, "JSON patch operation {:?} lacks a path", kind);
    }
    if (kind == "add" || kind == "replace" || kind == "test") {
      const value* given = operation.if_contains("value");
      value wanted = given == nullptr ? value() : *given;
      if (kind == "add") return add(path, std::move(wanted), kind);
      return kind == "test" ? test(path, wanted) : replace(path, std::move(wanted));
    }
    if (kind == "remove") {
      TRY(value gone, take(path, kind));
      return {};
    }
    if (kind == "move" || kind == "copy") return transfer(kind, std::string(text(operation, {"from"})), path);
    return failure(Code::Invalid, "Unexpected kind: {}", kind);
  }

 private:
  Result<Place> place(const std::string& path, std::string_view kind) {
    TRY(Words words, splitPointer(path));
    std::string last = words.back();
    words.pop_back();
    value* parent = locate(document_, words);
    if (parent == nullptr || !parent->is_structured()) return missing(kind, path);
    return Place{parent, std::move(last)};
  }

  Status add(const std::string& path, value wanted, std::string_view kind) {
    if (path.empty()) {
      document_ = std::move(wanted);
      return {};
    }
    TRY(Place at, place(path, kind));
    if (object* map = at.parent->if_object()) {
      (*map)[at.last] = std::move(wanted);
      return {};
    }
    array& list = at.parent->get_array();
    std::optional<size_t> index = at.last == "-" ? list.size() : indexOf(at.last, list.size() + 1);
    if (!index)
      return failure(Code::Invalid,
                     "{} operation does not apply: doc is missing path: {:?}: Unable to access invalid index: {}: "
                     "invalid index referenced",
                     kind, path, at.last);
    list.insert(list.begin() + static_cast<ptrdiff_t>(*index), std::move(wanted));
    return {};
  }

  Status replace(const std::string& path, value wanted) {
    TRY(Words words, splitPointer(path));
    value* target = locate(document_, words);
    if (target == nullptr) return missing("replace", path);
    *target = std::move(wanted);
    return {};
  }

  Status test(const std::string& path, const value& wanted) {
    TRY(Words words, splitPointer(path));
    const value* target = locate(document_, words);
    // A test for null holds for what is not there, as the server's library has it.
    if (target == nullptr ? wanted.is_null() : equal(*target, wanted)) return {};
    return failure(Code::Invalid, "testing value {} failed: test failed", path);
  }

  Result<value> take(const std::string& path, std::string_view kind) {
    if (path.empty()) return missing(kind, path);
    TRY(Place at, place(path, kind));
    value* target = step(*at.parent, at.last);
    if (target == nullptr) {
      return failure(Code::Invalid, "{} operation does not apply: doc is missing path: {}: missing value", kind, path);
    }
    value taken = std::move(*target);
    if (object* map = at.parent->if_object()) {
      removeKey(*map, at.last);
    } else {
      array& list = at.parent->get_array();
      list.erase(list.begin() + static_cast<ptrdiff_t>(*indexOf(at.last, list.size())));
    }
    return taken;
  }

  Status transfer(std::string_view kind, const std::string& from, const std::string& path) {
    if (kind == "move") {
      if (path.starts_with(from + "/")) return failure(Code::Invalid, "cannot move {} into itself", from);
      TRY(value taken, take(from, kind));
      return add(path, std::move(taken), kind);
    }
    TRY(Words words, splitPointer(from));
    const value* source = locate(document_, words);
    if (source == nullptr) return missing(kind, from);
    copied_ += weigh(*source);
    if (copied_ > kMaxCopiedValues)
      return failure(Code::Invalid, "JSON patch copies more than {} values", kMaxCopiedValues);
    return add(path, *source, kind);
  }

  value document_;
  size_t copied_ = 0;
};

}  // namespace

Result<value> applyPatch(value document, const value& patch) {
  const array* operations = patch.if_array();
  if (operations == nullptr) return failure(Code::BadRequest, "a JSON patch is a list of operations");
  if (operations->size() > kMaxPatchOperations) {
    return failure(Code::RequestEntityTooLarge, "The allowed maximum operations in a JSON patch is {}, got {}",
                   kMaxPatchOperations, operations->size());
  }
  Patcher patcher(std::move(document));
  for (const value& operation : *operations) {
    if (!operation.is_object()) return failure(Code::BadRequest, "a JSON patch operation is an object");
    TRY_STATUS(patcher.run(operation.get_object()));
  }
  return patcher.release();
}

}  // namespace slipway::json
