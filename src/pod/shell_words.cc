#include "pod/shell_words.h"

namespace slipway::pod {

Result<std::vector<std::string>> shellWords(std::string_view line) {
  std::vector<std::string> words;
  std::string word;
  bool in_word = false;
  char quote = '\0';
  for (size_t i = 0; i < line.size(); ++i) {
    const char c = line[i];
    if (quote == '\'') {
      if (c == '\'')
        quote = '\0';
      else
        word += c;
    } else if (c == '\\' && i + 1 < line.size()) {
      const char next = line[i + 1];
      const bool escapes = quote == '\0' || next == '"' || next == '\\' || next == '$' || next == '`';
      if (!escapes) word += c;
      word += next;
      in_word = true;
      ++i;
    } else if (quote == '"') {
      if (c == '"')
        quote = '\0';
      else
        word += c;
    } else if (c == '\'' || c == '"') {
      quote = c;
      in_word = true;
    } else if (c == ' ' || c == '\t') {
      if (in_word) words.push_back(std::move(word));
      word.clear();
      in_word = false;
    } else {
      word += c;
      in_word = true;
    }
  }
  if (quote != '\0') return failure(Code::Invalid, "a quote {} is not closed", quote);
  if (in_word) words.push_back(std::move(word));
  return words;
}

}  // namespace slipway::pod
