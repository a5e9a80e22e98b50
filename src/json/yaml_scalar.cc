#include "json/yaml_scalar.h"

#include <charconv>

#include "base/strings.h"

namespace slipway::json {
namespace {

bool oneOf(std::string_view text, std::initializer_list<std::string_view> words) {
  return std::ranges::find(words, text) != words.end();
}

/// As Go reads a number of unknown base: 0x, 0b, 0o and a leading zero tell it.
std::optional<value> readInteger(std::string_view text) {
  bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) text.remove_prefix(1);
  int base = 10;
  if (text.size() > 1 && text[0] == '0') {
    char letter = static_cast<char>(text[1] | 0x20);
    base = letter == 'x' ? 16 : letter == 'b' ? 2 : 8;
    text.remove_prefix(letter == 'x' || letter == 'b' || letter == 'o' ? 2 : 1);
  }
  uint64_t number = 0;
  auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number, base);
  if (text.empty() || problem != std::errc() || end != text.data() + text.size()) return std::nullopt;
  constexpr uint64_t kLimit = uint64_t{1} << 63;
  if (negative) return number <= kLimit ? std::optional(value(static_cast<int64_t>(0 - number))) : std::nullopt;
  return number < kLimit ? value(static_cast<int64_t>(number)) : value(number);
}

/// [-+]? (digits [. digits?] | . digits) ([eE][-+]?digits)?
bool looksLikeFloat(std::string_view text) {
  size_t at = 0;
  auto digits = [&] {
    size_t from = at;
    while (at < text.size() && text[at] >= '0' && text[at] <= '9') ++at;
    return at - from;
  };
  if (at < text.size() && (text[at] == '-' || text[at] == '+')) ++at;
  size_t whole = digits();
  if (at < text.size() && text[at] == '.') {
    ++at;
    if (digits() == 0 && whole == 0) return false;
  } else if (whole == 0) {
    return false;
  }
  if (at < text.size() && (text[at] | 0x20) == 'e') {
    ++at;
    if (at < text.size() && (text[at] == '-' || text[at] == '+')) ++at;
    if (digits() == 0) return false;
  }
  return at == text.size();
}

std::optional<value> readNumber(std::string_view text) {
  char first = text.front();
  bool numeric = (first >= '0' && first <= '9') || first == '-' || first == '+' || first == '.';
  if (!numeric) return std::nullopt;
  std::string plain = replaceAll(text, "_", "");
  if (first != '.') {
    if (std::optional<value> whole = readInteger(plain)) return whole;
  }
  if (!looksLikeFloat(plain)) return std::nullopt;
  std::optional<double> number = parseDouble(plain.starts_with('+') ? plain.substr(1) : plain);
  return number ? std::optional(value(*number)) : std::nullopt;
}

}  // namespace

Result<value> readYamlScalar(std::string_view tag, std::string_view text) {
  constexpr std::string_view kLong = "tag:yaml.org,2002:";
  if (tag.starts_with(kLong)) tag.remove_prefix(kLong.size());
  value as_text(text);
  if (tag == "!" || tag == "str") return as_text;
  if (tag == "binary") {
    TRY(std::string bytes, base64Decode(text));
    return value(bytes);
  }
  if (text.empty() || oneOf(text, {"~", "null", "Null", "NULL"})) return value(nullptr);
  if (oneOf(text, {"y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"})) return value(true);
  if (oneOf(text, {"n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"})) return value(false);
  std::string_view unsigned_text = text.starts_with('-') || text.starts_with('+') ? text.substr(1) : text;
  if (oneOf(unsigned_text, {".inf", ".Inf", ".INF"}) || oneOf(text, {".nan", ".NaN", ".NAN"})) {
    return failure(Code::BadRequest, "{} cannot be said in JSON", text);
  }
  std::optional<value> number = readNumber(text);
  if (!number) return as_text;
  if (tag == "float") return value(number->to_number<double>());
  return *number;
}

}  // namespace slipway::json
