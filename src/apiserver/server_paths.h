#pragma once

#include "apiserver/api/api.h"

namespace slipway::apiserver {

/// What this server says that it is. What stands after the plus is no part of the order of versions: a chart that asks
/// for 1.25 or later takes it.
inline constexpr std::string_view kServedVersion = "v1.36.0+slipway";

/// The paths that are about the server itself: /version, /healthz, /livez, /readyz, /metrics/slis, token discovery.
/// `url`: under which clients outside reach the server.
void addServerPaths(Api& api, ServiceAccountTokens& tokens, std::string url);

}  // namespace slipway::apiserver
