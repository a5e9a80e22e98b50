#pragma once

#include <memory>
#include <string>

#include "tunnel/rpc.h"

namespace slipway::agent {

/// Carries one call on to another channel, both ways, until either side ends it; `first` has been read already.
/// The result is the status that the other side gave.
Task<Status> proxyCall(tunnel::ServerCall& call, std::shared_ptr<tunnel::Channel> to, std::string method,
                       std::string first);

}  // namespace slipway::agent
