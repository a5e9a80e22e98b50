#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace slipway {

std::string_view trim(std::string_view text);
/// Splits at every separator; empty fields are kept, so "a,,b" gives three. An empty text gives no field.
std::vector<std::string_view> split(std::string_view text, char separator);
/// Splits at the first separator; without one, second is empty.
std::pair<std::string_view, std::string_view> splitOnce(std::string_view text, char separator);
std::string join(std::span<const std::string> parts, std::string_view separator);
std::string toLower(std::string_view text);
bool equalsIgnoreCase(std::string_view a, std::string_view b);
std::string replaceAll(std::string_view text, std::string_view from, std::string_view to);

/// The whole text as a decimal number; nothing else around it.
std::optional<int64_t> parseInt(std::string_view text);
std::optional<double> parseDouble(std::string_view text);

std::string base64Encode(std::string_view bytes);
/// Standard or URL alphabet, with or without padding; line breaks are skipped.
Result<std::string> base64Decode(std::string_view text);
/// URL alphabet without padding (JWT, JWK).
std::string base64UrlEncode(std::string_view bytes);
std::string hexEncode(std::string_view bytes);
/// Lower-case hexadecimal SHA-256.
std::string sha256Hex(std::string_view bytes);

/// Percent-encodes everything but RFC 3986 unreserved characters.
std::string percentEncode(std::string_view text);
/// `plus_is_space` for query strings. A broken escape stays as it is.
std::string percentDecode(std::string_view text, bool plus_is_space = false);

/// One word for a POSIX shell, quoted where needed; every byte but NUL arrives unchanged.
std::string shellQuote(std::string_view word);

/// Well-formed UTF-8 as it is; each bad byte becomes U+FFFD, so that any bytes can go into JSON.
std::string toValidUtf8(std::string_view bytes);

/// RFC 1123 label: lower-case letters, digits and '-', at most 63, begins and ends alphanumeric; other characters
/// become
/// '-'. Two names that would clash get a hash suffix from the caller. Empty if nothing usable is left.
std::string toDnsLabel(std::string_view text);
/// True for a valid RFC 1123 subdomain (dots allowed, at most 253).
bool isDnsSubdomain(std::string_view text);
bool isDnsLabel(std::string_view text);
/// A valid label value (at most 63 of [A-Za-z0-9._-], alphanumeric at both ends); others are replaced by '_' and
/// trimmed.
std::string toLabelValue(std::string_view text);

}  // namespace slipway
