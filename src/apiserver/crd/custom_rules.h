#pragma once

#include <memory>

#include "apiserver/api/kinds.h"
#include "schema/schema.h"

namespace slipway::apiserver {

/// The kinds that a CustomResourceDefinition serves, one for each served version, with rules made from its schemas.
std::vector<KindPtr> kindsOf(const json::object& definition, const schema::Schema& builtin);

}  // namespace slipway::apiserver
