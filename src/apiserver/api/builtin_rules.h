#pragma once

#include "apiserver/api/object_rules.h"
#include "schema/defaults.h"
#include "schema/schema.h"

namespace slipway::apiserver {

/// The rules of a built-in kind, answered by the schema module. The resource must outlive them.
std::shared_ptr<const ObjectRules> builtinRules(const schema::ResourceInfo& resource,
                                                std::shared_ptr<const schema::Defaults> defaults);

}  // namespace slipway::apiserver
