#pragma once

#include <string_view>

#include "json/json.h"

namespace slipway::apiserver {

/// What a printer column's jsonPath finds: ".spec.replicas", ".status.conditions[?(@.type==\"Ready\")].status",
/// ".spec.hosts[*]". The first result, or null.
json::value evaluateJsonPath(const json::object& object, std::string_view path);

}  // namespace slipway::apiserver
