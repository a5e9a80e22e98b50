#pragma once

#include "apiserver/api/kinds.h"
#include "schema/schema.h"

namespace slipway::apiserver {

/// Fills `kinds` with all kinds that the schema knows. The schema must outlive them.
void addBuiltinKinds(Kinds& kinds, const schema::Schema& schema);

}  // namespace slipway::apiserver
