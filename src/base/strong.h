#pragma once

#include <compare>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

namespace slipway {

/// A string that means one thing: `using NodeName = StrongString<struct NodeNameTag>`. Two kinds never mix by accident.
template <typename Tag>
class StrongString {
 public:
  StrongString() = default;
  explicit StrongString(std::string value) : value_(std::move(value)) {}

  const std::string& str() const { return value_; }
  bool empty() const { return value_.empty(); }
  auto operator<=>(const StrongString&) const = default;

 private:
  std::string value_;
};

template <typename Tag>
std::string_view format_as(const StrongString<Tag>& id) {
  return id.str();
}

/// An integer that means one thing: `using JobId = StrongInt<struct JobIdTag, uint32_t>`.
template <typename Tag, typename Int>
class StrongInt {
 public:
  constexpr StrongInt() = default;
  constexpr explicit StrongInt(Int value) : value_(value) {}

  constexpr Int value() const { return value_; }
  auto operator<=>(const StrongInt&) const = default;

 private:
  Int value_{};
};

template <typename Tag, typename Int>
Int format_as(StrongInt<Tag, Int> id) {
  return id.value();
}

}  // namespace slipway

template <typename Tag>
struct std::hash<slipway::StrongString<Tag>> {
  size_t operator()(const slipway::StrongString<Tag>& id) const { return std::hash<std::string>()(id.str()); }
};
template <typename Tag, typename Int>
struct std::hash<slipway::StrongInt<Tag, Int>> {
  size_t operator()(slipway::StrongInt<Tag, Int> id) const { return std::hash<Int>()(id.value()); }
};
