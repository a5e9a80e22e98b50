#pragma once

#include <string_view>

#include "base/result.h"
#include "json/document.h"

namespace slipway::json {

/// Reads one YAML document as Kubernetes does: YAML 1.1 scalars (yes, no, on, off are booleans; 0x1f, 0o17, 017, 1_000
/// are numbers), quoted scalars are strings, keys become strings, "<<" merges. JSON is YAML too.
/// More than one document, an alias bomb (over `max_bytes / 16` values after expansion), and what JSON cannot say
/// (.inf, .nan) are errors: BadRequest with line and column. Repeated keys are an error as in `kubectl apply`, or, if
/// `duplicates` is given, added to it (`line 9: key "a" already set in map`) with the last one counting.
Result<value> yamlToJson(std::string_view text, const Limits& limits = {},
                         std::vector<std::string>* duplicates = nullptr);

}  // namespace slipway::json
