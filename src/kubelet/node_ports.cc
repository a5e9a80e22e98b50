#include "kubelet/node_ports.h"

#include "base/log.h"
#include "net/tcp.h"

namespace slipway::kubelet {

NodePorts::NodePorts(Executor executor, Backend& backend, Authenticator& authenticator,
                     std::shared_ptr<net::TlsContext> tls, NodePortOptions options)
    : executor_(std::move(executor)),
      api_(std::make_shared<Api>(backend, authenticator)),
      tls_(std::move(tls)),
      options_(std::move(options)),
      server_(executor_, options_.server, nullptr),
      next_(options_.first_port) {}

NodePorts::~NodePorts() = default;

Result<NodePorts::Listening> NodePorts::listen(const std::string& node, uint16_t port) {
  TRY(std::unique_ptr<net::Listener> listener, net::listenTcp(executor_, options_.address, port));
  Listening out{listener->port(), std::make_unique<async::TaskGroup>(executor_)};
  http::Handler handler = [api = api_, node](http::Exchange& exchange) { return api->handle(node, exchange); };
  out.accepting->spawn("kubelet API " + node, server_.serve(std::move(listener), tls_, std::move(handler)));
  return out;
}

Status NodePorts::start() {
  auto listening = listen("", options_.shared_port);
  if (!listening) return failure(listening.error().wrap("kubelet API"));
  shared_ = std::move(*listening);
  shared_port_ = shared_.port;
  log::info("kubelet API: listening on port {}", shared_port_);
  return {};
}

Task<void> NodePorts::stop(std::chrono::nanoseconds grace) {
  nodes_.clear();
  taken_.clear();
  shared_.accepting.reset();
  co_await server_.stop(grace);
}

uint16_t NodePorts::portOf(const std::string& node) const {
  const auto found = nodes_.find(node);
  return found == nodes_.end() ? 0 : found->second.port;
}

Result<uint16_t> NodePorts::add(const std::string& node, uint16_t preferred) {
  if (const uint16_t port = portOf(node); port != 0) return port;
  const auto keep = [&](Listening listening) {
    const uint16_t port = listening.port;
    taken_[port] = node;
    nodes_[node] = std::move(listening);
    return port;
  };
  const bool any_port = options_.first_port == 0;
  if (preferred != 0 && !taken_.contains(preferred) && (any_port || inRange(preferred))) {
    if (auto listening = listen(node, preferred)) return keep(std::move(*listening));
  }
  if (any_port) {
    TRY(Listening listening, listen(node, 0));
    return keep(std::move(listening));
  }
  // Round and round: a port that was just freed is not given to another node at once.
  const int count = options_.last_port - options_.first_port + 1;
  for (int i = 0; i < count; ++i) {
    const uint16_t port = next_;
    next_ = port == options_.last_port ? options_.first_port : static_cast<uint16_t>(port + 1);
    if (taken_.contains(port)) continue;
    if (auto listening = listen(node, port)) return keep(std::move(*listening));
  }
  return failure(Code::TooManyRequests, "node {}: no free port from {} to {} for its kubelet API", node,
                 options_.first_port, options_.last_port);
}

void NodePorts::remove(const std::string& node) {
  const auto found = nodes_.find(node);
  if (found == nodes_.end()) return;
  taken_.erase(found->second.port);
  nodes_.erase(found);
}

void NodePorts::useTls(std::shared_ptr<net::TlsContext> tls) {
  tls_ = std::move(tls);
}

}  // namespace slipway::kubelet
