#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace slipway::json {

/// The words of a JSON Pointer (RFC 6901), unescaped; "" has none. BadRequest if it does not begin with '/'.
Result<std::vector<std::string>> splitPointer(std::string_view pointer);
/// One word with '~' and '/' escaped.
std::string escapePointer(std::string_view word);
/// A word as the index of an existing element of a list of that size; "-" and leading zeros are none.
std::optional<size_t> indexOf(std::string_view word, size_t size);

}  // namespace slipway::json
