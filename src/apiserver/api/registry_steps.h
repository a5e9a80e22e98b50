#pragma once

#include "apiserver/api/registry.h"

namespace slipway::apiserver {

// Steps that creates and updates share.

/// apiVersion, kind and metadata stand first, as people expect.
json::object inOrder(const Kind& kind, json::object object);

/// What the kind's rules and its strategy say against the object; `old` is null for a create.
std::vector<Cause> allCauses(const Kind& kind, const Strategy& strategy, const json::object& object,
                             const json::object* old, std::string_view subresource);

/// What the kind's rules have to say to whoever wrote the object, though it is allowed.
void noteWarnings(const Kind& kind, const json::object& object, const json::object* old, WriteContext& context);

}  // namespace slipway::apiserver
