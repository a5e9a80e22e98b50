#include "apiserver/store/stored.h"

#include <cstring>

namespace slipway::apiserver {
namespace {

void appendText(std::string& out, std::string_view text) {
  const auto size = static_cast<uint32_t>(text.size());
  out.append(reinterpret_cast<const char*>(&size), sizeof(size));
  out.append(text);
}

std::string_view takeText(std::string_view& from) {
  uint32_t size = 0;
  std::memcpy(&size, from.data(), sizeof(size));
  const std::string_view text = from.substr(sizeof(size), size);
  from.remove_prefix(sizeof(size) + size);
  return text;
}

}  // namespace

void Traits::add(std::string& pairs, std::string_view key, std::string_view value) {
  appendText(pairs, key);
  appendText(pairs, value);
}

void Traits::addField(std::string_view name, std::string_view value) {
  if (!value.empty()) add(fields_, name, value);
}

void Traits::shrink() {
  labels_.shrink_to_fit();
  fields_.shrink_to_fit();
}

std::optional<std::string_view> Traits::find(std::string_view pairs, std::string_view key) {
  while (!pairs.empty()) {
    const bool found = takeText(pairs) == key;
    const std::string_view value = takeText(pairs);
    if (found) return value;
  }
  return std::nullopt;
}

}  // namespace slipway::apiserver
