#pragma once

#include <array>
#include <cstdint>
#include <string_view>

/// Keys of scontrol's one-line records. Looked up once for each word of the text, so by a table built by the compiler.
namespace slipway::slurm {

enum class Kind : uint8_t {
  Word,  ///< the value ends at the next space
  Text,  ///< the value may hold spaces, '=' and newlines: it ends before the next known key
};

struct FieldKey {
  std::string_view name;
  uint8_t field = 0;  ///< index into the record's values; 0 for keys that are known and not kept
  Kind kind = Kind::Word;
  bool late = false;  ///< stands after the first text of the user's that can hold anything
};

template <size_t N>
class FieldTable {
 public:
  consteval explicit FieldTable(const std::array<FieldKey, N>& keys) : keys_(keys) {
    for (size_t i = 0; i < N; ++i) {
      size_t slot = hash(keys[i].name);
      while (slots_[slot] != 0) slot = (slot + 1) % kSlots;
      slots_[slot] = static_cast<uint8_t>(i + 1);
    }
  }

  constexpr const FieldKey* find(std::string_view name) const {
    if (name.size() < 2) return nullptr;
    for (size_t slot = hash(name); slots_[slot] != 0; slot = (slot + 1) % kSlots) {
      const FieldKey& key = keys_[slots_[slot] - 1U];
      if (key.name == name) return &key;
    }
    return nullptr;
  }

 private:
  static constexpr size_t kSlots = 1024;
  static_assert(N < 250);
  static constexpr size_t hash(std::string_view name) {
    const auto byte = [&](size_t i) { return static_cast<size_t>(static_cast<unsigned char>(name[i])); };
    return (name.size() * 131 + byte(0) * 7 + byte(name.size() / 2) * 57 + byte(name.size() - 1) * 311) % kSlots;
  }

  std::array<FieldKey, N> keys_;
  std::array<uint8_t, kSlots> slots_{};
};

/// One word of a record: "Key=..." when `key` is set. `at` is where the word begins, `value` where its value does.
struct FieldWord {
  const FieldKey* key = nullptr;
  size_t at = 0;
  size_t value = 0;
};

/// Reads a record word by word. Only a word that begins the record or follows a space can be a key: call skipWord()
/// after a key, so that its value is not taken for one.
template <size_t N>
class FieldScanner {
 public:
  FieldScanner(const FieldTable<N>& table, std::string_view record) : table_(table), text_(record) {}

  /// The next known key at or after the present place; at the end, key is null and `at` the record's size.
  FieldWord next() {
    while (at_ < text_.size()) {
      if (text_[at_] == ' ') {
        ++at_;
        continue;
      }
      FieldWord word{nullptr, at_, 0};
      size_t i = at_;
      const size_t longest = std::min(text_.size(), at_ + 24);
      while (i < longest && text_[i] != '=' && text_[i] != ' ') ++i;
      if (i < longest && text_[i] == '=') word.key = table_.find(text_.substr(at_, i - at_));
      if (word.key != nullptr) {
        word.value = i + 1;
        at_ = word.value;
        return word;
      }
      skipWord();
    }
    return {nullptr, text_.size(), text_.size()};
  }

  /// To the end of the word whose value begins here; gives that end.
  size_t skipWord() {
    const size_t space = text_.find(' ', at_);
    at_ = space == std::string_view::npos ? text_.size() : space;
    return at_;
  }

  void seek(size_t at) { at_ = at; }

 private:
  const FieldTable<N>& table_;
  std::string_view text_;
  size_t at_ = 0;
};

}  // namespace slipway::slurm
