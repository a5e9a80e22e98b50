#include "pod/env_file.h"

#include "base/strings.h"

namespace slipway::pod {
namespace {

constexpr std::string_view kBlank = " \t";

std::string_view withoutBlanks(std::string_view text) {
  const size_t begin = text.find_first_not_of(kBlank);
  return begin == std::string_view::npos ? std::string_view() : text.substr(begin);
}

/// Walks over the lines of a text and knows where it is.
class Lines {
 public:
  explicit Lines(std::string_view text) : rest_(text) {}
  std::optional<std::string_view> next() {
    if (rest_.empty()) return std::nullopt;
    ++number_;
    const size_t end = rest_.find('\n');
    std::string_view line = rest_.substr(0, end);
    rest_ = end == std::string_view::npos ? std::string_view() : rest_.substr(end + 1);
    if (line.ends_with('\r')) line.remove_suffix(1);
    return line;
  }
  Error wrong(std::string_view what) const { return {Code::Invalid, fmt::format("line {}: {}", number_, what)}; }

 private:
  std::string_view rest_;
  int number_ = 0;
};

/// What stands in single quotes, over as many lines as it takes; `rest` begins behind the first quote.
Result<std::string> quoted(Lines& lines, std::string_view rest) {
  std::string value;
  while (true) {
    const size_t end = rest.find('\'');
    if (end != std::string_view::npos) {
      value += rest.substr(0, end);
      const std::string_view after = withoutBlanks(rest.substr(end + 1));
      if (!after.empty() && !after.starts_with('#')) return failure(lines.wrong("unexpected text after the quote"));
      return value;
    }
    value.append(rest).append("\n");
    const auto line = lines.next();
    if (!line) return failure(lines.wrong("a single quote is not closed"));
    rest = *line;
  }
}

}  // namespace

Result<std::optional<std::string>> valueInEnvFile(std::string_view text, std::string_view key) {
  Lines lines(text);
  while (const auto whole = lines.next()) {
    const std::string_view line = withoutBlanks(*whole);
    if (line.empty() || line.starts_with('#')) continue;
    const size_t equals = line.find('=');
    if (equals == std::string_view::npos) return failure(lines.wrong("\"=\" is missing"));
    const std::string_view name = line.substr(0, equals);
    if (name.empty()) return failure(lines.wrong("the name is missing"));
    if (kBlank.find(name.back()) != std::string_view::npos) return failure(lines.wrong("a blank before \"=\""));
    const std::string_view value = line.substr(equals + 1);
    // As a shell has it: a blank behind "=" ends the assignment.
    if (!value.empty() && kBlank.find(value.front()) != std::string_view::npos) {
      if (name == key) return std::optional<std::string>(std::string());
      continue;
    }
    if (!value.starts_with('\'')) return failure(lines.wrong("the value must stand in single quotes"));
    TRY(std::string inner, quoted(lines, value.substr(1)));
    if (name == key) return std::optional<std::string>(std::move(inner));
  }
  return std::optional<std::string>();
}

}  // namespace slipway::pod
