#pragma once

#include <string>
#include <vector>

#include "json/json.h"
#include "schema/schema.h"

namespace slipway::schema {

/// What the server takes but tells its author about: fields that do nothing, names that are out of date. `old` is null
/// for a create. The words are those of Kubernetes, without "299 -".
std::vector<std::string> objectWarnings(const ResourceInfo& resource, const json::object& object,
                                        const json::object* old);

}  // namespace slipway::schema
