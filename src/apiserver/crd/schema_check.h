#pragma once

#include <vector>

#include "apiserver/api/status_error.h"
#include "json/json.h"

namespace slipway::apiserver {

/// What is wrong with the schema of a CustomResourceDefinition's version, in the words of kube-apiserver: whether it is
/// structural, what it uses that no schema there may use, and whether its defaults fit it. `path` is where it stands.
/// CEL rules are refused here: nothing evaluates them yet.
std::vector<Cause> checkCustomSchema(const json::object& schema, const std::string& path);

}  // namespace slipway::apiserver
