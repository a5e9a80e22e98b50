#pragma once

#include <vector>

#include "apiserver/api/status_error.h"
#include "apiserver/crd/structural.h"

namespace slipway::apiserver {

/// What is wrong with a custom object by its schema, in the words of kube-openapi's validation. CEL rules are not
/// evaluated.
std::vector<Cause> validateCustom(const json::object& object, const Structural& schema);
/// The same for a value within an object, with paths from there: a default.
std::vector<Cause> validateCustomValue(const json::value& value, const Structural& schema);

}  // namespace slipway::apiserver
