#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>

namespace slipway::bridge {

/// Port to whoever gives Nodes their ports: the kubelet API's listeners, or a PortAllocator where nothing listens.
class PortBook {
 public:
  virtual ~PortBook() = default;
  /// The node's port; if it has none, `preferred` when that is free, or else any. Nothing when the range is used up.
  virtual std::optional<uint16_t> allocate(const std::string& node, uint16_t preferred) = 0;
  virtual void release(const std::string& node) = 0;
};

/// One port of a range for each Node: metrics-server and the API server find a node's kubelet API by address and port.
/// Nothing is stored: after a restart the Node objects tell which port is whose.
class PortAllocator final : public PortBook {
 public:
  /// `first` 0: no ports are given out.
  PortAllocator(uint16_t first, uint16_t last) : first_(first), last_(last) {}

  /// A Node says that it has this port. Refused when it is outside the range or another Node's.
  bool claim(const std::string& node, uint16_t port) {
    if (first_ == 0 || port < first_ || port > last_) return false;
    const auto holder = holders_.find(port);
    if (holder != holders_.end()) return holder->second == node;
    release(node);
    holders_[port] = node;
    ports_[node] = port;
    return true;
  }
  std::optional<uint16_t> allocate(const std::string& node, uint16_t preferred) override {
    if (const auto have = ports_.find(node); have != ports_.end()) return have->second;
    if (preferred != 0 && claim(node, preferred)) return preferred;
    if (first_ == 0) return std::nullopt;
    const uint32_t size = static_cast<uint32_t>(last_) - first_ + 1;
    for (uint32_t tried = 0; tried < size; ++tried) {
      const auto port = static_cast<uint16_t>(first_ + next_);
      next_ = (next_ + 1) % size;
      if (!holders_.contains(port)) {
        claim(node, port);
        return port;
      }
    }
    return std::nullopt;
  }
  void release(const std::string& node) override {
    const auto have = ports_.find(node);
    if (have == ports_.end()) return;
    holders_.erase(have->second);
    ports_.erase(have);
  }
  const std::map<std::string, uint16_t>& ports() const { return ports_; }

 private:
  uint16_t first_;
  uint16_t last_;
  uint32_t next_ = 0;
  std::map<std::string, uint16_t> ports_;
  std::map<uint16_t, std::string> holders_;
};

}  // namespace slipway::bridge
