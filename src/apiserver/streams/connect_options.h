#pragma once

#include "apiserver/api/call.h"

namespace slipway::apiserver {

/// What a connection is asked with, as the object that admission sees: PodExecOptions, PodAttachOptions,
/// PodPortForwardOptions, PodProxyOptions, ServiceProxyOptions, NodeProxyOptions.
json::object connectOptions(const Call& call);

}  // namespace slipway::apiserver
