#include "slurm/host_list.h"

#include <charconv>

#include "base/strings.h"

namespace slipway::slurm {
namespace {

/// Splits at commas that are outside of brackets.
Result<std::vector<std::string_view>> terms(std::string_view text) {
  std::vector<std::string_view> out;
  int depth = 0;
  size_t begin = 0;
  for (size_t i = 0; i <= text.size(); ++i) {
    const char c = i < text.size() ? text[i] : ',';
    if (c == '[') ++depth;
    if (c == ']') --depth;
    if (depth < 0 || depth > 1) return failure(Code::Invalid, "host list \"{}\": brackets do not match", text);
    if (c != ',' || (depth == 1 && i < text.size())) continue;
    if (i > begin) out.push_back(trim(text.substr(begin, i - begin)));
    begin = i + 1;
  }
  if (depth != 0) return failure(Code::Invalid, "host list \"{}\": a bracket is not closed", text);
  return out;
}

std::optional<uint64_t> number(std::string_view digits) {
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (digits.empty() || error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  return value;
}

Status appendRange(std::string_view range, size_t limit, std::vector<std::string>& out) {
  const auto [first, last] = splitOnce(range, '-');
  const bool single = range.find('-') == std::string_view::npos;
  const auto from = number(first);
  const auto to = single ? from : number(last);
  if (!from || !to || *to < *from) return failure(Code::Invalid, "\"{}\" is not a range", range);
  if (*to - *from >= limit || out.size() + (*to - *from) >= limit) {
    return failure(Code::Invalid, "range \"{}\" has more than {} names", range, limit);
  }
  for (uint64_t i = *from; i <= *to; ++i) out.push_back(fmt::format("{:0{}}", i, first.size()));
  return {};
}

/// "a[1-2]b[1-2]" → a1b1 a1b2 a2b1 a2b2.
Status expandTerm(std::string_view term, size_t limit, std::vector<std::string>& out) {
  std::vector<std::string> names{""};
  while (!term.empty()) {
    const size_t open = term.find('[');
    for (std::string& name : names) name.append(term.substr(0, open));
    if (open == std::string_view::npos) break;
    const size_t close = term.find(']', open);
    std::vector<std::string> numbers;
    for (const std::string_view range : split(term.substr(open + 1, close - open - 1), ',')) {
      TRY_STATUS(appendRange(trim(range), limit, numbers));
    }
    if (numbers.empty()) return failure(Code::Invalid, "empty brackets");
    if (names.size() * numbers.size() > limit) return failure(Code::Invalid, "more than {} names", limit);
    std::vector<std::string> product;
    product.reserve(names.size() * numbers.size());
    for (const std::string& name : names) {
      for (const std::string& each : numbers) product.push_back(name + each);
    }
    names = std::move(product);
    term.remove_prefix(close + 1);
  }
  if (out.size() + names.size() > limit) return failure(Code::Invalid, "more than {} names", limit);
  std::move(names.begin(), names.end(), std::back_inserter(out));
  return {};
}

/// "node012" → "node", "012".
std::pair<std::string_view, std::string_view> splitNumber(std::string_view name) {
  size_t at = name.size();
  while (at > 0 && name[at - 1] >= '0' && name[at - 1] <= '9' && name.size() - at < 15) --at;
  return {name.substr(0, at), name.substr(at)};
}

struct Numbers {
  std::string prefix;
  size_t width = 0;  ///< of zero padded numbers, else 0
  std::vector<uint64_t> values;
};

std::string rangesOf(const Numbers& numbers) {
  const auto digits = [&](uint64_t value) { return fmt::format("{:0{}}", value, std::max<size_t>(numbers.width, 1)); };
  std::string out;
  for (size_t i = 0; i < numbers.values.size();) {
    size_t end = i;
    while (end + 1 < numbers.values.size() && numbers.values[end + 1] == numbers.values[end] + 1) ++end;
    if (!out.empty()) out += ',';
    out += digits(numbers.values[i]);
    if (end > i) out += '-' + digits(numbers.values[end]);
    i = end + 1;
  }
  return out;
}

}  // namespace

Result<std::vector<std::string>> expandHostList(std::string_view text, size_t limit) {
  std::vector<std::string> out;
  text = trim(text);
  if (text.empty() || text == "(null)" || text == "None") return out;
  TRY(const auto parts, terms(text));
  for (const std::string_view term : parts) {
    const Status done = expandTerm(term, limit, out);
    if (!done) return failure(done.error().wrap(fmt::format("host list \"{}\"", text.substr(0, 200))));
  }
  return out;
}

std::string compressHostList(const std::vector<std::string>& names) {
  // Numbers with leading zeros and others of the same length belong together: a08 .. a10.
  std::set<std::pair<std::string_view, size_t>> padded;
  for (const std::string& name : names) {
    const auto [prefix, digits] = splitNumber(name);
    if (digits.size() > 1 && digits[0] == '0') padded.emplace(prefix, digits.size());
  }
  std::vector<Numbers> groups;
  std::map<std::pair<std::string_view, size_t>, size_t> index;
  for (const std::string& name : names) {
    const auto [prefix, digits] = splitNumber(name);
    const size_t width = padded.contains({prefix, digits.size()}) ? digits.size() : 0;
    const size_t kind = digits.empty() ? SIZE_MAX : width;
    const auto [at, inserted] = index.try_emplace({prefix, kind}, groups.size());
    if (inserted) groups.push_back({std::string(prefix), width, {}});
    if (!digits.empty()) groups[at->second].values.push_back(*number(digits));
  }
  std::string out;
  for (Numbers& group : groups) {
    std::sort(group.values.begin(), group.values.end());
    group.values.erase(std::unique(group.values.begin(), group.values.end()), group.values.end());
    if (!out.empty()) out += ',';
    const std::string ranges = rangesOf(group);
    const bool bare = group.values.size() <= 1;
    out += bare ? group.prefix + ranges : fmt::format("{}[{}]", group.prefix, ranges);
  }
  return out;
}

}  // namespace slipway::slurm
