#pragma once

#include "apiserver/api/api.h"

namespace slipway::apiserver {

/// The paths that are about the server itself: /version, /healthz, /livez, /readyz, /metrics/slis, token discovery.
/// `url`: under which clients outside reach the server.
void addServerPaths(Api& api, ServiceAccountTokens& tokens, std::string url);

}  // namespace slipway::apiserver
