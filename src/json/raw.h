#pragma once

#include <initializer_list>
#include <string_view>

namespace slipway::json {

/// The text of the value at a path of keys in the text of a JSON object, found without reading the rest of it. Empty
/// when there is none. For texts that a serializer wrote: what is no JSON gives nonsense or nothing, and an escaped key
/// is not found.
std::string_view rawMember(std::string_view object, std::initializer_list<std::string_view> path);

}  // namespace slipway::json
