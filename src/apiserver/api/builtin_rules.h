#pragma once

#include "apiserver/api/object_rules.h"
#include "schema/schema.h"

namespace slipway::apiserver {

/// The rules of a built-in kind, answered by the schema module.
std::shared_ptr<const ObjectRules> builtinRules(const schema::Schema& schema, const schema::ResourceInfo& resource);

}  // namespace slipway::apiserver
