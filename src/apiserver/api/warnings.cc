#include "apiserver/api/warnings.h"

#include <fmt/format.h>

#include <set>

namespace slipway::apiserver {
namespace {

// Upstream's figures, in characters.
constexpr size_t kAllWarnings = 4096;
constexpr size_t kCutWarning = 256;

bool beginsCharacter(char c) {
  return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U;
}

size_t lengthOf(std::string_view text) {
  return static_cast<size_t>(std::ranges::count_if(text, beginsCharacter));
}

std::string_view shortened(std::string_view text) {
  size_t characters = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    if (beginsCharacter(text[i]) && characters++ == kCutWarning) return text.substr(0, i);
  }
  return text;
}

/// RFC 7234 quoting of a Warning header's text.
std::string warningHeader(std::string_view text) {
  std::string quoted;
  for (const char c : text) {
    if (c == '"' || c == '\\') quoted += '\\';
    if (c != '\n' && c != '\r') quoted += c;
  }
  return fmt::format("299 - \"{}\"", quoted);
}

}  // namespace

void addWarnings(const std::vector<std::string>& texts, http::Headers& headers) {
  std::vector<std::string_view> all;
  std::set<std::string_view> known;
  size_t length = 0;
  for (const std::string& text : texts) {
    if (text.empty() || !known.insert(text).second) continue;
    all.push_back(text);
    length += lengthOf(text);
  }
  const bool too_long = length > kAllWarnings;
  size_t written = 0;
  for (const std::string_view text : all) {
    if (written >= kAllWarnings) break;
    const std::string_view said = too_long ? shortened(text) : text;
    written += lengthOf(said);
    headers.add("Warning", warningHeader(said));
  }
}

}  // namespace slipway::apiserver
