#include "json/document.h"

#include <boost/json/basic_parser_impl.hpp>

namespace slipway::json {
namespace {

/// What every handler of Boost.JSON's parser has to say.
struct Handler {
  static constexpr size_t max_object_size = object::max_size();
  static constexpr size_t max_array_size = array::max_size();
  static constexpr size_t max_key_size = string::max_size();
  static constexpr size_t max_string_size = string::max_size();
};

/// Builds the value as Boost.JSON does, which drops repeated keys without a word, and counts the keys.
class QuickBuilder : public Handler {
 public:
  explicit QuickBuilder(storage_ptr storage) { stack_.reset(std::move(storage)); }
  value release() { return stack_.release(); }
  size_t keys() const { return keys_; }

  bool on_document_begin(error_code&) { return true; }
  bool on_document_end(error_code&) { return true; }
  bool on_object_begin(error_code&) { return true; }
  bool on_object_end(size_t size, error_code&) { return stack_.push_object(size), true; }
  bool on_array_begin(error_code&) { return true; }
  bool on_array_end(size_t size, error_code&) { return stack_.push_array(size), true; }
  bool on_key_part(string_view text, size_t, error_code&) { return stack_.push_chars(text), true; }
  bool on_key(string_view text, size_t, error_code&) { return stack_.push_key(text), ++keys_, true; }
  bool on_string_part(string_view text, size_t, error_code&) { return stack_.push_chars(text), true; }
  bool on_string(string_view text, size_t, error_code&) { return stack_.push_string(text), true; }
  bool on_number_part(string_view, error_code&) { return true; }
  bool on_int64(int64_t number, string_view, error_code&) { return stack_.push_int64(number), true; }
  bool on_uint64(uint64_t number, string_view, error_code&) { return stack_.push_uint64(number), true; }
  bool on_double(double number, string_view, error_code&) { return stack_.push_double(number), true; }
  bool on_bool(bool flag, error_code&) { return stack_.push_bool(flag), true; }
  bool on_null(error_code&) { return stack_.push_null(), true; }
  bool on_comment_part(string_view, error_code&) { return true; }
  bool on_comment(string_view, error_code&) { return true; }

 private:
  value_stack stack_;
  size_t keys_ = 0;
};

size_t countKeys(const value& document) {
  size_t count = 0;
  if (const array* list = document.if_array()) {
    for (const value& element : *list) count += element.is_structured() ? countKeys(element) : 0;
  } else if (const object* map = document.if_object()) {
    count = map->size();
    for (const auto& [key, field] : *map) count += field.is_structured() ? countKeys(field) : 0;
  }
  return count;
}

/// Knows the path of each key that is repeated.
class Builder : public Handler {
 public:
  explicit Builder(std::vector<std::string>* duplicates) : duplicates_(duplicates) {}
  value release() { return std::move(root_); }

  bool on_document_begin(error_code&) { return true; }
  bool on_document_end(error_code&) { return true; }
  bool on_object_begin(error_code&) { return beginObject(); }
  bool on_object_end(size_t, error_code&) { return end(); }
  bool on_array_begin(error_code&) { return beginArray(); }
  bool on_array_end(size_t, error_code&) { return end(); }
  bool on_key_part(string_view text, size_t, error_code&) { return part(text); }
  bool on_key(string_view text, size_t, error_code&) {
    part(text);
    frames_.back().key = std::exchange(text_, {});
    return true;
  }
  bool on_string_part(string_view text, size_t, error_code&) { return part(text); }
  bool on_string(string_view text, size_t, error_code&) {
    if (text_.empty()) return add(value(text));
    part(text);
    return add(value(std::exchange(text_, {})));
  }
  bool on_number_part(string_view, error_code&) { return true; }
  bool on_int64(int64_t number, string_view, error_code&) { return add(value(number)); }
  bool on_uint64(uint64_t number, string_view, error_code&) { return add(value(number)); }
  bool on_double(double number, string_view, error_code&) { return add(value(number)); }
  bool on_bool(bool flag, error_code&) { return add(value(flag)); }
  bool on_null(error_code&) { return add(value(nullptr)); }
  bool on_comment_part(string_view, error_code&) { return true; }
  bool on_comment(string_view, error_code&) { return true; }

 private:
  struct Frame {
    value container;
    std::string key;
  };

  bool part(string_view text) {
    text_.append(text.data(), text.size());
    return true;
  }
  bool beginObject() { return frames_.push_back({object(), {}}), true; }
  bool beginArray() { return frames_.push_back({array(), {}}), true; }
  bool end() {
    value done = std::move(frames_.back().container);
    frames_.pop_back();
    return add(std::move(done));
  }
  bool add(value made) {
    if (frames_.empty()) {
      root_ = std::move(made);
      return true;
    }
    Frame& frame = frames_.back();
    if (array* list = frame.container.if_array()) {
      list->push_back(std::move(made));
      return true;
    }
    auto [at, inserted] = frame.container.get_object().emplace(frame.key, nullptr);
    at->value() = std::move(made);
    if (!inserted && duplicates_ != nullptr) duplicates_->push_back(path());
    return true;
  }
  std::string path() const {
    std::string out;
    for (const Frame& frame : frames_) {
      if (const array* list = frame.container.if_array()) {
        out += fmt::format("[{}]", list->size());
      } else {
        out += (out.empty() ? "" : ".") + frame.key;
      }
    }
    return out;
  }

  std::vector<std::string>* duplicates_;
  std::vector<Frame> frames_;
  std::string text_;
  value root_;
};

template <typename Object>
auto* findIn(Object& document, std::initializer_list<std::string_view> path) {
  auto* here = &document;
  decltype(document.if_contains("")) found = nullptr;
  size_t left = path.size();
  for (std::string_view key : path) {
    found = here->if_contains(key);
    if (found == nullptr || --left == 0) return found;
    here = found->if_object();
    if (here == nullptr) return decltype(found)(nullptr);
  }
  return found;
}

}  // namespace

namespace {

template <typename Parser>
Status runParser(Parser& parser, std::string_view text) {
  error_code problem;
  size_t used = parser.write_some(false, text.data(), text.size(), problem);
  while (!problem && used < text.size() && std::string_view(" \t\r\n").find(text[used]) != std::string_view::npos)
    ++used;
  if (!problem && used < text.size()) problem = error::extra_data;
  if (problem == error::too_deep) return failure(Code::BadRequest, "json: exceeded max depth");
  if (problem == error::incomplete) return failure(Code::BadRequest, "unexpected end of JSON input");
  if (problem) return failure(Code::BadRequest, "invalid JSON at byte {}: {}", used, problem.message());
  return {};
}

}  // namespace

Result<value> readDocument(std::string_view text, const Limits& limits, std::vector<std::string>* duplicates,
                           storage_ptr storage) {
  if (text.size() > limits.max_bytes) {
    return failure(Code::RequestEntityTooLarge, "Request entity too large: limit is {}", limits.max_bytes);
  }
  parse_options options;
  options.max_depth = limits.max_depth;
  basic_parser<QuickBuilder> parser(options, std::move(storage));
  TRY_STATUS(runParser(parser, text));
  const size_t keys = parser.handler().keys();
  value document = parser.handler().release();
  if (duplicates != nullptr && countKeys(document) != keys) {
    basic_parser<Builder> again(options, duplicates);
    TRY_STATUS(runParser(again, text));
  }
  return document;
}

const value* find(const value& document, std::initializer_list<std::string_view> path) {
  if (path.size() == 0) return &document;
  const object* top = document.if_object();
  return top == nullptr ? nullptr : findIn(*top, path);
}
const value* find(const object& document, std::initializer_list<std::string_view> path) {
  return findIn(document, path);
}
value* find(object& document, std::initializer_list<std::string_view> path) {
  return findIn(document, path);
}

std::string_view text(const object& document, std::initializer_list<std::string_view> path) {
  const value* found = findIn(document, path);
  const string* words = found == nullptr ? nullptr : found->if_string();
  return words == nullptr ? std::string_view() : std::string_view(words->data(), words->size());
}
const object* findObject(const object& document, std::initializer_list<std::string_view> path) {
  const value* found = findIn(document, path);
  return found == nullptr ? nullptr : found->if_object();
}
object* findObject(object& document, std::initializer_list<std::string_view> path) {
  value* found = findIn(document, path);
  return found == nullptr ? nullptr : found->if_object();
}
const array* findArray(const object& document, std::initializer_list<std::string_view> path) {
  const value* found = findIn(document, path);
  return found == nullptr ? nullptr : found->if_array();
}
array* findArray(object& document, std::initializer_list<std::string_view> path) {
  value* found = findIn(document, path);
  return found == nullptr ? nullptr : found->if_array();
}
std::optional<int64_t> findInt(const object& document, std::initializer_list<std::string_view> path) {
  const value* found = findIn(document, path);
  if (found == nullptr || !found->is_number()) return std::nullopt;
  error_code problem;
  auto number = found->to_number<int64_t>(problem);
  return problem ? std::nullopt : std::optional(number);
}
bool isTrue(const object& document, std::initializer_list<std::string_view> path) {
  const value* found = findIn(document, path);
  return found != nullptr && found->is_bool() && found->get_bool();
}

object& ensureObject(object& parent, std::string_view key) {
  value& slot = parent[key];
  return slot.is_object() ? slot.get_object() : slot.emplace_object();
}

bool removeKey(object& parent, std::string_view key) {
  auto at = parent.find(key);
  if (at == parent.end()) return false;
  parent.stable_erase(at);
  return true;
}

}  // namespace slipway::json
