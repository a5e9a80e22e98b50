#include "json/pointer.h"

#include "base/strings.h"

namespace slipway::json {

Result<std::vector<std::string>> splitPointer(std::string_view pointer) {
  std::vector<std::string> words;
  if (pointer.empty()) return words;
  if (pointer.front() != '/') return failure(Code::BadRequest, "JSON pointer {:?} must begin with '/'", pointer);
  size_t from = 1;
  while (true) {
    size_t to = std::min(pointer.find('/', from), pointer.size());
    // "~01" is "~1": the order of the two replacements matters (RFC 6901 §4).
    std::string word = replaceAll(pointer.substr(from, to - from), "~1", "/");
    words.push_back(replaceAll(word, "~0", "~"));
    if (to == pointer.size()) return words;
    from = to + 1;
  }
}

std::string escapePointer(std::string_view word) {
  return replaceAll(replaceAll(word, "~", "~0"), "/", "~1");
}

std::optional<size_t> indexOf(std::string_view word, size_t size) {
  bool digits = !word.empty() && word.size() < 10 && word.find_first_not_of("0123456789") == std::string_view::npos;
  if (!digits || (word.size() > 1 && word.front() == '0')) return std::nullopt;
  std::optional<int64_t> index = parseInt(word);
  if (!index || static_cast<size_t>(*index) >= size) return std::nullopt;
  return static_cast<size_t>(*index);
}

}  // namespace slipway::json
