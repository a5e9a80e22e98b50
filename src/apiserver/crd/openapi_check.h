#pragma once

#include <vector>

#include "apiserver/api/status_error.h"
#include "json/json.h"

namespace slipway::apiserver {

/// What a custom schema says that no schema of a CustomResourceDefinition may say, at any depth. `check_defaults`: also
/// whether defaults fit their place, which only a structural schema can tell.
std::vector<Cause> checkOpenApiWords(const json::object& schema, const std::string& path, bool check_defaults);

}  // namespace slipway::apiserver
