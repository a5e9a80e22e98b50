#pragma once

#include "apiserver/api/call.h"

namespace slipway::apiserver {

/// /api, /apis and what is below them: which groups, versions and resources there are, plain or aggregated (v2).
/// Nothing when the path is no discovery path.
std::optional<Answer<Reply>> discover(const Call& call, const Kinds& kinds, const std::string& server_address);

}  // namespace slipway::apiserver
