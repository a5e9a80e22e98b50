#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace slipway::kube {

/// An amount of a resource as Kubernetes writes it: "100m", "1Gi", "1e3". Exact to a billionth, as resource.Quantity
/// is: smaller parts are rounded up, and what is over 2^63-1 becomes 2^63-1.
class Quantity {
 public:
  /// How an amount is written; kept from the text that it was read from.
  enum class Format {
    DecimalSI,        ///< n u m k M G T P E
    BinarySI,         ///< Ki Mi Gi Ti Pi Ei
    DecimalExponent,  ///< e3, E-6
  };

  Quantity() = default;
  static Result<Quantity> parse(std::string_view text);
  static Quantity ofValue(int64_t value, Format format = Format::DecimalSI);
  static Quantity ofMillis(int64_t millis);
  static Quantity ofMebibytes(int64_t mebibytes);

  /// Whole units, rounded up.
  int64_t value() const;
  /// Thousandths, rounded up.
  int64_t millis() const;
  /// The canonical form: the largest suffix without a fraction, "1500m" and not "1.5".
  std::string str() const;
  bool isZero() const { return nanos_ == 0; }

  Quantity& operator+=(const Quantity& other);
  Quantity& operator-=(const Quantity& other);
  /// By amount only: "1Ki" equals "1024".
  std::strong_ordering operator<=>(const Quantity& other) const {
    return nanos_ < other.nanos_   ? std::strong_ordering::less
           : nanos_ > other.nanos_ ? std::strong_ordering::greater
                                   : std::strong_ordering::equal;
  }
  bool operator==(const Quantity& other) const { return nanos_ == other.nanos_; }

 private:
  __extension__ using Wide = __int128;
  Wide nanos_ = 0;
  Format format_ = Format::DecimalSI;
};

}  // namespace slipway::kube
