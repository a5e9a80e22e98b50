#pragma once

#include "net/tcp.h"
#include "pki/certificate.h"

namespace slipway::config {

/// The certificates of a tunnel: ED25519, laid out so that Supernetes' peers take them too.
Result<pki::Identity> createTunnelCa(WallTime now, int64_t days);
/// For the controller: the endpoint's host as DNS name or IP.
Result<pki::Identity> issueServer(const pki::Identity& ca, const net::HostPort& endpoint, WallTime now, int64_t days);
/// For an agent.
Result<pki::Identity> issueClient(const pki::Identity& ca, WallTime now, int64_t days);

}  // namespace slipway::config
