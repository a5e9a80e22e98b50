#pragma once

#include <memory>
#include <string>

#include "apiserver/api/registry.h"
#include "http/client.h"
#include "net/tls.h"

namespace slipway::apiserver {

/// Finds the kubelet of a node (its address and daemonEndpoints.kubeletEndpoint.Port) and makes HTTP clients that speak
/// to it as the API server. Loop thread only.
class NodeDialer {
 public:
  /// `tls` presents the client certificate that kubelets know.
  NodeDialer(Registry& registry, std::shared_ptr<net::TlsContext> tls) : registry_(registry), tls_(std::move(tls)) {}

  /// The kubelet of the node. NotFound without such a node; InternalError when it has no address.
  Answer<std::unique_ptr<http::Client>> kubeletOf(Executor executor, const std::string& node) const;
  /// Any port of a host, for pod proxies.
  std::unique_ptr<http::Client> hostClient(Executor executor, const std::string& host, uint16_t port, bool https) const;

 private:
  Registry& registry_;
  std::shared_ptr<net::TlsContext> tls_;
};

}  // namespace slipway::apiserver
