#include "kube/quantity.h"

#include <array>
#include <limits>
#include <optional>

namespace slipway::kube {
namespace {

__extension__ using Wide = __int128;

constexpr Wide kNanosPerUnit = 1'000'000'000;
constexpr Wide kMax = static_cast<Wide>(std::numeric_limits<int64_t>::max()) * kNanosPerUnit;
constexpr size_t kMaxFractionDigits = 18;

Wide power(Wide base, int exponent) {
  Wide result = 1;
  for (int i = 0; i < exponent; ++i) result *= base;
  return result;
}

Wide ceilDivide(Wide dividend, Wide divisor) {
  const Wide quotient = dividend / divisor;
  return quotient * divisor < dividend ? quotient + 1 : quotient;
}

std::string_view takeDigits(std::string_view& text) {
  size_t count = 0;
  while (count < text.size() && text[count] >= '0' && text[count] <= '9') ++count;
  const std::string_view digits = text.substr(0, count);
  text.remove_prefix(count);
  return digits;
}

Wide numberOf(std::string_view digits) {
  Wide value = 0;
  for (const char digit : digits) {
    value = value * 10 + (digit - '0');
    if (value > kMax) return kMax;
  }
  return value;
}

struct Unit {
  Quantity::Format format;
  Wide nanos;    ///< of one unit
  Wide divisor;  ///< for units below a billionth
};

std::optional<Unit> exponentUnit(std::string_view text) {
  bool negative = false;
  if (!text.empty() && (text[0] == '+' || text[0] == '-')) {
    negative = text[0] == '-';
    text.remove_prefix(1);
  }
  const std::string_view digits = takeDigits(text);
  if (digits.empty() || !text.empty()) return std::nullopt;
  const int exponent = static_cast<int>(std::min<Wide>(numberOf(digits), 27)) * (negative ? -1 : 1);
  const int scale = exponent + 9;
  if (scale >= 0) return Unit{Quantity::Format::DecimalExponent, power(10, std::min(scale, 28)), 1};
  return Unit{Quantity::Format::DecimalExponent, 1, power(10, -scale)};
}

std::optional<Unit> unitOf(std::string_view suffix) {
  using enum Quantity::Format;
  if (suffix.empty()) return Unit{DecimalSI, kNanosPerUnit, 1};
  constexpr std::string_view kDecimal = "num kMGTPE";
  if (suffix.size() == 1 && suffix != " ") {
    const size_t at = kDecimal.find(suffix[0]);
    if (at == std::string_view::npos) return std::nullopt;
    return Unit{DecimalSI, power(1000, static_cast<int>(at)), 1};
  }
  if (suffix[0] == 'e' || suffix[0] == 'E') {
    if (suffix != "Ei") return exponentUnit(suffix.substr(1));
  }
  constexpr std::string_view kBinary = "KMGTPE";
  const size_t at = kBinary.find(suffix[0]);
  if (suffix.size() != 2 || suffix[1] != 'i' || at == std::string_view::npos) return std::nullopt;
  return Unit{BinarySI, power(1024, static_cast<int>(at) + 1) * kNanosPerUnit, 1};
}

Wide fractionOf(std::string_view digits, Wide unit) {
  bool more = false;
  if (digits.size() > kMaxFractionDigits) {
    more = digits.substr(kMaxFractionDigits).find_first_not_of('0') != std::string_view::npos;
    digits = digits.substr(0, kMaxFractionDigits);
  }
  const Wide fraction = numberOf(digits) + (more ? 1 : 0);
  const Wide scale = power(10, static_cast<int>(digits.size()));
  if (unit % scale == 0) return fraction * (unit / scale);
  if (unit <= power(10, 18)) return ceilDivide(fraction * unit, scale);
  return ceilDivide(fraction * (unit / kNanosPerUnit), scale / kNanosPerUnit);
}

std::string wideText(Wide value) {
  if (value == 0) return "0";
  const bool negative = value < 0;
  if (negative) value = -value;
  std::string digits;
  for (; value > 0; value /= 10) digits.insert(digits.begin(), static_cast<char>('0' + static_cast<int>(value % 10)));
  return negative ? "-" + digits : digits;
}

std::string decimalText(Wide nanos, bool as_exponent) {
  int exponent = -9;
  Wide mantissa = nanos;
  while (exponent < 18 && mantissa % 1000 == 0) {
    mantissa /= 1000;
    exponent += 3;
  }
  if (as_exponent) return exponent == 0 ? wideText(mantissa) : fmt::format("{}e{}", wideText(mantissa), exponent);
  constexpr std::array<std::string_view, 10> kSuffixes = {"n", "u", "m", "", "k", "M", "G", "T", "P", "E"};
  return wideText(mantissa) + std::string(kSuffixes.at(static_cast<size_t>(exponent + 9) / 3));
}

std::string binaryText(Wide units) {
  constexpr std::array<std::string_view, 7> kSuffixes = {"", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"};
  size_t step = 0;
  while (step + 1 < kSuffixes.size() && units % 1024 == 0) {
    units /= 1024;
    ++step;
  }
  return wideText(units) + std::string(kSuffixes.at(step));
}

Wide clamp(Wide nanos) {
  return std::max(-kMax, std::min(kMax, nanos));
}

}  // namespace

Result<Quantity> Quantity::parse(std::string_view text) {
  std::string_view rest = text;
  bool negative = false;
  if (!rest.empty() && (rest[0] == '+' || rest[0] == '-')) {
    negative = rest[0] == '-';
    rest.remove_prefix(1);
  }
  const std::string_view whole = takeDigits(rest);
  std::string_view fraction;
  if (!rest.empty() && rest[0] == '.') {
    rest.remove_prefix(1);
    fraction = takeDigits(rest);
  }
  const std::optional<Unit> unit = unitOf(rest);
  if ((whole.empty() && fraction.empty()) || !unit) {
    return failure(Code::BadRequest,
                   "\"{}\" is not a quantity: a number with one of n u m k M G T P E Ki Mi Gi Ti Pi Ei", text);
  }
  const Wide units = numberOf(whole);
  Wide nanos = units > kMax / unit->nanos ? kMax : units * unit->nanos;
  if (!fraction.empty()) nanos += fractionOf(fraction, unit->nanos);
  nanos = ceilDivide(nanos, unit->divisor);
  Quantity result;
  result.nanos_ = clamp(negative ? -nanos : nanos);
  result.format_ = unit->format;
  return result;
}

Quantity Quantity::ofValue(int64_t value, Format format) {
  Quantity result;
  result.nanos_ = static_cast<Wide>(value) * kNanosPerUnit;
  result.format_ = format;
  return result;
}

Quantity Quantity::ofMillis(int64_t millis) {
  Quantity result;
  result.nanos_ = static_cast<Wide>(millis) * 1'000'000;
  return result;
}

Quantity Quantity::ofMebibytes(int64_t mebibytes) {
  return ofValue(mebibytes * 1024 * 1024, Format::BinarySI);
}

int64_t Quantity::value() const {
  return static_cast<int64_t>(ceilDivide(nanos_, kNanosPerUnit));
}

int64_t Quantity::millis() const {
  const Wide millis = ceilDivide(nanos_, 1'000'000);
  return static_cast<int64_t>(std::min<Wide>(millis, std::numeric_limits<int64_t>::max()));
}

std::string Quantity::str() const {
  if (nanos_ == 0) return "0";
  const bool small = nanos_ > -1024 * kNanosPerUnit && nanos_ < 1024 * kNanosPerUnit;
  if (format_ == Format::BinarySI && !small && nanos_ % kNanosPerUnit == 0) return binaryText(nanos_ / kNanosPerUnit);
  return decimalText(nanos_, format_ == Format::DecimalExponent);
}

Quantity& Quantity::operator+=(const Quantity& other) {
  if (nanos_ == 0) format_ = other.format_;
  nanos_ = clamp(nanos_ + other.nanos_);
  return *this;
}

Quantity& Quantity::operator-=(const Quantity& other) {
  nanos_ = clamp(nanos_ - other.nanos_);
  return *this;
}

}  // namespace slipway::kube
