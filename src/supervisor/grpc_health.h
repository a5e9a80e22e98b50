#pragma once

#include <string>

#include "async/task.h"
#include "net/tcp.h"

namespace slipway::supervisor {

/// One call of grpc.health.v1.Health/Check over plain HTTP/2, as a kubelet's gRPC probe makes it. Fine when the answer
/// is SERVING. It has no deadline of its own: cancel it. `service` may be empty: the server as a whole.
Task<Status> checkGrpcHealth(net::HostPort where, std::string service);

}  // namespace slipway::supervisor
