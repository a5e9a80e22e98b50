#pragma once

#include "base/result.h"
#include "json/json.h"

namespace slipway::json {

/// Most operations of one JSON patch, as the API server limits it.
inline constexpr size_t kMaxPatchOperations = 10000;
/// Most bytes that "copy" operations of one patch may add, against doubling again and again.
inline constexpr size_t kMaxCopiedValues = 100000;

/// Applies a JSON Patch (RFC 6902): all operations or none. A patch that is no list of operations is BadRequest; one
/// that does not fit the document (a missing path, a failed test) is Invalid, with the operation's path.
Result<value> applyPatch(value document, const value& patch);

}  // namespace slipway::json
