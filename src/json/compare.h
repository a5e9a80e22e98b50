#pragma once

#include <string>
#include <vector>

#include "json/json.h"

namespace slipway::json {

/// The same document: order of keys and the way a number is held (1, 1u, 1.0) do not matter.
bool equal(const value& a, const value& b);

/// Nothing that a Go client could tell from a missing field: null, "", 0, false, and lists and objects of nothing else.
bool isEmpty(const value& part);

/// The same to a typed client: a missing field equals an empty one. For "was this changed?", not for storage.
bool equalIgnoringEmpty(const value& a, const value& b);
/// The same for two optional fields.
bool equalIgnoringEmpty(const value* a, const value* b);

/// The paths ("spec.containers[0].image") at which two documents differ, leaves only, at most `limit`.
std::vector<std::string> differingPaths(const value& a, const value& b, size_t limit = 100);

}  // namespace slipway::json
