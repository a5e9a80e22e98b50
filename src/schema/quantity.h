#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace slipway::schema {

/// A resource.Quantity, exact to a billionth; more than 2^63-1 is cut to that, less than a billionth rounded up.
class Quantity {
 public:
  enum class Format : uint8_t { DecimalSi, BinarySi, DecimalExponent };

  Quantity() = default;
  explicit Quantity(int64_t whole) : nano_(static_cast<__int128>(whole) * kNano) {}

  /// BadRequest with the words of Kubernetes.
  static Result<Quantity> parse(std::string_view text);

  /// The canonical form: no fraction, the largest suffix that fits ("1000m" is "1", "1024Mi" is "1Gi").
  std::string canonical() const;
  /// Rounded up, as Kubernetes does.
  int64_t value() const;
  int64_t milliValue() const;
  bool isInteger() const { return nano_ % kNano == 0; }
  int sign() const { return nano_ > 0 ? 1 : nano_ < 0 ? -1 : 0; }

  Quantity operator+(const Quantity& other) const;
  Quantity operator-(const Quantity& other) const;
  std::strong_ordering operator<=>(const Quantity& other) const {
    return nano_ < other.nano_   ? std::strong_ordering::less
           : nano_ > other.nano_ ? std::strong_ordering::greater
                                 : std::strong_ordering::equal;
  }
  bool operator==(const Quantity& other) const { return nano_ == other.nano_; }

 private:
  static constexpr int64_t kNano = 1000000000;
  __int128 nano_ = 0;
  Format format_ = Format::DecimalSi;
};

}  // namespace slipway::schema
