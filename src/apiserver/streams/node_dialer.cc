#include "apiserver/streams/node_dialer.h"

#include "json/document.h"
#include "net/tcp.h"

namespace slipway::apiserver {
namespace {

constexpr int64_t kKubeletPort = 10250;

std::string addressOf(const json::object& node) {
  const json::array* addresses = json::findArray(node, {"status", "addresses"});
  if (addresses == nullptr) return {};
  for (const std::string_view wanted : {"InternalIP", "Hostname", "InternalDNS", "ExternalIP", "ExternalDNS"}) {
    for (const json::value& entry : *addresses) {
      if (json::text(entry.as_object(), {"type"}) == wanted)
        return std::string(json::text(entry.as_object(), {"address"}));
    }
  }
  return {};
}

}  // namespace

std::unique_ptr<http::Client> NodeDialer::hostClient(Executor executor, const std::string& host, uint16_t port,
                                                     bool https) const {
  std::unique_ptr<net::Dialer> dialer = net::tcpDialer({host, port});
  if (https) dialer = net::tlsDialer(std::move(dialer), tls_, host);
  return std::make_unique<http::Client>(std::move(executor), std::move(dialer));
}

Answer<std::unique_ptr<http::Client>> NodeDialer::kubeletOf(Executor executor, const std::string& name) const {
  const StoredPtr stored = registry_.store().table("core/nodes").find(name);
  if (!stored) return failure(refuse::notFound({"nodes", ""}, name));
  const json::value node = json::parse(stored->bytes);
  const std::string address = addressOf(node.as_object());
  if (address.empty()) {
    return failure(refuse::internal(fmt::format("no preferred addresses found; known addresses: [] (node {})", name)));
  }
  const int64_t port =
      json::findInt(node.as_object(), {"status", "daemonEndpoints", "kubeletEndpoint", "Port"}).value_or(0);
  return hostClient(std::move(executor), address, static_cast<uint16_t>(port > 0 ? port : kKubeletPort), true);
}

}  // namespace slipway::apiserver
