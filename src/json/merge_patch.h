#pragma once

#include "json/json.h"

namespace slipway::json {

/// Applies a merge patch (RFC 7386): objects are merged, null removes, everything else replaces.
void applyMergePatch(value& document, const value& patch);

/// The merge patch that turns one document into the other; an empty object if they are equal.
/// Nulls inside the wanted document cannot be expressed and are lost.
value mergePatchBetween(const value& from, const value& to);

}  // namespace slipway::json
