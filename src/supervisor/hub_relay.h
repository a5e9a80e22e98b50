#pragma once

#include <filesystem>
#include <memory>

#include "net/tls.h"
#include "pod/layout.h"
#include "tunnel/endpoint.h"

namespace slipway::supervisor {

/// Who the supervisor is, and whom it believes, on whichever way to the hub.
Result<std::shared_ptr<net::TlsContext>> hubTls(const pod::HubFile& hub);

/// A second way to the hub, for nodes that cannot reach it: waits on a socket in `scratch` for a step of the job
/// (relayMain) that carries a connection to the hub, and serves that as if it had been dialled. Whoever else connects
/// there cannot be the hub: TLS is the same. The pod's directory says where the socket is. Until cancelled.
Task<void> serveRelay(pod::PodDirectory directory, std::filesystem::path scratch, pod::HubFile hub,
                      std::shared_ptr<const tunnel::Service> service, tunnel::TunnelOptions options);

/// The step: standard input and output are the connection to the hub, the other end is the supervisor's socket.
/// Returns an exit code when either side has ended.
int relayMain(const std::filesystem::path& directory);

}  // namespace slipway::supervisor
