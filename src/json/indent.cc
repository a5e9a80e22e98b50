#include "json/indent.h"

namespace slipway::json {
namespace {

/// Behind the string that begins at `at`.
size_t endOfString(std::string_view text, size_t at) {
  for (++at; at < text.size() && text[at] != '"'; ++at) {
    if (text[at] == '\\') ++at;
  }
  return at + 1;
}

}  // namespace

std::string indented(std::string_view compact) {
  std::string out;
  out.reserve(compact.size() * 2);
  size_t level = 0;
  const auto newLine = [&] { out.append(1, '\n').append(level * 2, ' '); };
  for (size_t at = 0; at < compact.size();) {
    const char c = compact[at];
    if (c == '"') {
      const size_t end = endOfString(compact, at);
      out += compact.substr(at, end - at);
      at = end;
      continue;
    }
    const bool opens = c == '{' || c == '[';
    const bool closes = c == '}' || c == ']';
    const bool is_empty = opens && at + 1 < compact.size() && compact[at + 1] == c + 2;
    if (is_empty) {
      out += compact.substr(at, 2);
      at += 2;
      continue;
    }
    if (closes && level > 0) {
      --level;
      newLine();
    }
    out += c;
    if (c == ':') out += ' ';
    if (opens) ++level;
    if (opens || c == ',') newLine();
    ++at;
  }
  return out;
}

}  // namespace slipway::json
