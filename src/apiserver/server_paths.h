#pragma once

#include "apiserver/api/api.h"

namespace slipway::apiserver {

/// The paths that are about the server itself: /version, /healthz, /livez, /readyz, token discovery.
void addServerPaths(Api& api, Store& store, ServiceAccountTokens& tokens);

}  // namespace slipway::apiserver
