#pragma once

#include "base/log.h"
#include "bridge/port_allocator.h"
#include "kubelet/node_ports.h"

namespace slipway::cli {

/// The kubelet API's listeners as the bridge's book of ports: a Node gets the port that listens for it.
class KubeletPorts final : public bridge::PortBook {
 public:
  explicit KubeletPorts(kubelet::NodePorts& ports) : ports_(ports) {}

  std::optional<uint16_t> allocate(const std::string& node, uint16_t preferred) override {
    const auto port = ports_.add(node, preferred);
    if (port) return *port;
    log::warn("node {}: no port for its kubelet API: {}", node, port.error().message);
    return std::nullopt;
  }
  void release(const std::string& node) override { ports_.remove(node); }

 private:
  kubelet::NodePorts& ports_;
};

}  // namespace slipway::cli
