#pragma once

#include <string>
#include <string_view>

namespace slipway::json {

/// The text of a JSON document over several lines, two blanks for each level, as Go writes it for people. For texts
/// that a serializer wrote.
std::string indented(std::string_view compact);

}  // namespace slipway::json
