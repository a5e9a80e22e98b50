#include "json/raw.h"

namespace slipway::json {
namespace {

constexpr size_t kNowhere = std::string_view::npos;

size_t skipSpace(std::string_view text, size_t at) {
  while (at < text.size() && (text[at] == ' ' || text[at] == '\n' || text[at] == '\t' || text[at] == '\r')) ++at;
  return at;
}

/// From the opening quote to after the closing one.
size_t skipString(std::string_view text, size_t at) {
  for (++at; at < text.size(); ++at) {
    if (text[at] == '"') return at + 1;
    if (text[at] == '\\') ++at;
  }
  return kNowhere;
}

size_t skipStructure(std::string_view text, size_t at) {
  int depth = 0;
  while (at < text.size()) {
    const char c = text[at];
    if (c == '"') {
      at = skipString(text, at);
      continue;
    }
    ++at;
    if (c == '{' || c == '[') ++depth;
    if ((c == '}' || c == ']') && --depth == 0) return at;
  }
  return kNowhere;
}

size_t skipValue(std::string_view text, size_t at) {
  if (at >= text.size()) return kNowhere;
  if (text[at] == '"') return skipString(text, at);
  if (text[at] == '{' || text[at] == '[') return skipStructure(text, at);
  return text.find_first_of(",}] \t\r\n", at);
}

std::string_view member(std::string_view object, std::string_view wanted) {
  size_t at = skipSpace(object, 0);
  if (at >= object.size() || object[at] != '{') return {};
  while (true) {
    at = skipSpace(object, at + 1);
    if (at >= object.size() || object[at] != '"') return {};
    const size_t key = at + 1;
    const size_t key_end = skipString(object, at);
    if (key_end == kNowhere) return {};
    at = skipSpace(object, key_end);
    if (at >= object.size() || object[at] != ':') return {};
    const size_t begin = skipSpace(object, at + 1);
    const size_t end = skipValue(object, begin);
    if (end == kNowhere) return {};
    if (object.substr(key, key_end - 1 - key) == wanted) return object.substr(begin, end - begin);
    at = skipSpace(object, end);
    if (at >= object.size() || object[at] != ',') return {};
  }
}

}  // namespace

std::string_view rawMember(std::string_view object, std::initializer_list<std::string_view> path) {
  for (const std::string_view key : path) object = member(object, key);
  return object;
}

}  // namespace slipway::json
