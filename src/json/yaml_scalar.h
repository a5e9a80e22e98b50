#pragma once

#include <string_view>

#include "base/result.h"
#include "json/json.h"

namespace slipway::json {

/// What a YAML 1.1 scalar means. `tag` is "?" for a plain scalar, "!" for a quoted one, or what the document says
/// ("tag:yaml.org,2002:str").
Result<value> readYamlScalar(std::string_view tag, std::string_view text);

}  // namespace slipway::json
