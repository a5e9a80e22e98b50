#pragma once

#include "apiserver/api/registry.h"

namespace slipway::apiserver {

/// Makes what every cluster is born with, where it is missing: system namespaces, default RBAC policy, priority
/// classes. What is there already stays, but for default roles that lack rules (autoupdate).
/// `address` and `port`: where the server listens; `client_ca`: who signs the certificates of clients.
Task<Status> bootstrap(Registry& registry, std::string address, uint16_t port, std::string client_ca);

/// The Service "kubernetes" and the range of addresses, where they are missing.
Task<Status> ensureOwnService(Registry& registry, uint16_t port);

}  // namespace slipway::apiserver
