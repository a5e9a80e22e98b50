#pragma once

#include "http/server.h"
#include "kubelet/backend.h"

namespace slipway::kubelet {

/// Serves /portForward: SPDY/3.1 with portforward.k8s.io, plain or within a WebSocket. Each pair of an error and a data
/// stream is one connection to a port of the pod. Returns when the client closed; open connections end then.
Task<void> servePortForward(http::Exchange& exchange, Backend& backend, ContainerRef pod);

}  // namespace slipway::kubelet
