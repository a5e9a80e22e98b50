#include "schema/quantity.h"

#include <array>

#include "base/strings.h"

namespace slipway::schema {
namespace {

constexpr std::string_view kDecimal = "numkMGTPE";  // without "", which stands between m and k
constexpr std::string_view kBinary = "KMGTPE";

tl::unexpected<Error> wrongFormat() {
  return failure(Code::BadRequest,
                 "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'");
}
tl::unexpected<Error> wrongSuffix() {
  return failure(Code::BadRequest, "unable to parse quantity's suffix");
}

/// A suffix as base and exponent: "Mi" is 2^20, "k" is 10^3.
struct Scale {
  int base;
  int exponent;
  Quantity::Format format;
};

std::optional<Scale> scaleOf(std::string_view suffix) {
  using Format = Quantity::Format;
  if (suffix.empty()) return Scale{10, 0, Format::DecimalSi};
  if (suffix.size() == 2 && suffix[1] == 'i') {
    size_t at = kBinary.find(suffix[0]);
    if (at == std::string_view::npos) return std::nullopt;
    return Scale{2, 10 * (static_cast<int>(at) + 1), Format::BinarySi};
  }
  if (suffix.size() == 1) {
    size_t at = kDecimal.find(suffix[0]);
    if (at == std::string_view::npos) return std::nullopt;
    int step = static_cast<int>(at) - 3;
    return Scale{10, 3 * (step < 0 ? step : step + 1), Format::DecimalSi};
  }
  if (suffix[0] != 'e' && suffix[0] != 'E') return std::nullopt;
  std::optional<int64_t> exponent = parseInt(suffix[1] == '+' ? suffix.substr(2) : suffix.substr(1));
  if (!exponent || *exponent > 100 || *exponent < -100) return std::nullopt;
  return Scale{10, static_cast<int>(*exponent), Format::DecimalExponent};
}

__int128 limit() {
  return static_cast<__int128>(INT64_MAX) * 1000000000;
}

__int128 ceilDivide(__int128 number, __int128 by) {
  __int128 quotient = number / by;
  return quotient + (number % by > 0 ? 1 : 0) - (number % by < 0 ? 1 : 0);
}

std::string digits(__int128 number) {
  bool negative = number < 0;
  std::string out;
  for (__int128 rest = negative ? -number : number; rest > 0 || out.empty(); rest /= 10) {
    out.push_back(static_cast<char>('0' + static_cast<int>(rest % 10)));
  }
  if (negative) out.push_back('-');
  return {out.rbegin(), out.rend()};
}

}  // namespace

Result<Quantity> Quantity::parse(std::string_view text) {
  if (text.empty()) return wrongFormat();
  size_t at = 0;
  bool negative = text[0] == '-';
  if (text[0] == '-' || text[0] == '+') ++at;
  size_t begin = at;
  size_t point = std::string_view::npos;
  while (at < text.size() &&
         ((text[at] >= '0' && text[at] <= '9') || (text[at] == '.' && point == std::string_view::npos))) {
    if (text[at] == '.') point = at;
    ++at;
  }
  std::string_view number = text.substr(begin, at - begin);
  std::string_view suffix = text.substr(at);
  size_t letters = std::min(suffix.find_first_not_of("eEinumkKMGTP"), suffix.size());
  std::string_view tail = suffix.substr(letters);
  if (tail.starts_with('-') || tail.starts_with('+')) tail.remove_prefix(1);
  if (tail.find_first_not_of("0123456789") != std::string_view::npos) return wrongFormat();
  if (number.empty() || number == ".") {
    return failure(Code::BadRequest, "unable to parse numeric part of quantity");
  }
  std::optional<Scale> scale = scaleOf(suffix);
  if (!scale) return wrongSuffix();

  // Digits first, then the scale; at most 19 digits before and 9 after the point can matter.
  __int128 sum = 0;
  int exponent = 9 + (scale->base == 10 ? scale->exponent : 0);
  bool after_point = false, lost = false;
  for (char letter : number) {
    if (letter == '.') {
      after_point = true;
      continue;
    }
    if (sum > limit()) {
      if (!after_point) ++exponent;
      lost = lost || letter != '0';
      continue;
    }
    sum = sum * 10 + (letter - '0');
    if (after_point) --exponent;
  }
  __int128 cap = limit();
  if (scale->base == 2) {
    for (int i = 0; i < scale->exponent && sum <= cap * 1000; ++i) sum *= 2;
  }
  for (; exponent > 0 && sum <= cap && sum > 0; --exponent) sum *= 10;
  for (; exponent < 0 && sum > 0; ++exponent) {
    lost = lost || sum % 10 != 0;
    sum /= 10;
  }
  if (lost) ++sum;
  Quantity made;
  made.nano_ = std::min(sum, cap);
  if (negative) made.nano_ = -made.nano_;
  made.format_ = scale->format;
  return made;
}

std::string Quantity::canonical() const {
  if (nano_ == 0) return "0";
  bool small = nano_ > static_cast<__int128>(-1024) * kNano && nano_ < static_cast<__int128>(1024) * kNano;
  if (format_ == Format::BinarySi && !small) {
    __int128 number = ceilDivide(nano_, kNano);
    int step = 0;
    while (number % 1024 == 0 && step < 6) number /= 1024, ++step;
    return digits(number) + (step == 0 ? "" : std::string(1, kBinary[static_cast<size_t>(step - 1)]) + "i");
  }
  __int128 number = nano_;
  int exponent = -9;
  int most = format_ == Format::DecimalExponent ? 1000 : 18;
  while (number % 1000 == 0 && exponent < most) number /= 1000, exponent += 3;
  if (exponent == 0) return digits(number);
  if (format_ == Format::DecimalExponent) return fmt::format("{}e{}", digits(number), exponent);
  int step = exponent / 3;
  return digits(number) + kDecimal[static_cast<size_t>(step < 0 ? step + 3 : step + 2)];
}

int64_t Quantity::value() const {
  return static_cast<int64_t>(ceilDivide(nano_, kNano));
}

int64_t Quantity::milliValue() const {
  __int128 milli = ceilDivide(nano_, kNano / 1000);
  return milli > INT64_MAX ? INT64_MAX : milli < -INT64_MAX ? -INT64_MAX : static_cast<int64_t>(milli);
}

Quantity Quantity::operator+(const Quantity& other) const {
  Quantity sum = *this;
  if (sum.nano_ == 0) sum.format_ = other.format_;
  sum.nano_ = std::min(nano_ + other.nano_, limit());
  return sum;
}

Quantity Quantity::operator-(const Quantity& other) const {
  Quantity rest = *this;
  rest.nano_ -= other.nano_;
  return rest;
}

}  // namespace slipway::schema
