#pragma once

#include <map>
#include <memory>
#include <string>

#include "http/server.h"
#include "kubelet/api.h"

namespace slipway::kubelet {

struct NodePortOptions {
  std::string address = "0.0.0.0";
  uint16_t shared_port = 10250;  ///< answers for all nodes; 0: any free port
  uint16_t first_port = 0;       ///< of the range for nodes; 0: any free ports
  uint16_t last_port = 0;
  http::ServerOptions server;
};

/// The kubelet API on its ports: one for each node, because clients ask a node and name it by its port only, and one
/// for all. One server, one certificate, one loop.
///
/// Life cycle: start(), then add() and remove() as nodes come and go; stop() ends all connections.
/// A node keeps its port over restarts when the caller passes the port that its Node object announces.
class NodePorts {
 public:
  NodePorts(Executor executor, Backend& backend, Authenticator& authenticator, std::shared_ptr<net::TlsContext> tls,
            NodePortOptions options);
  ~NodePorts();

  /// Listens on the shared port.
  Status start();
  /// Ends what is open after `grace`.
  Task<void> stop(std::chrono::nanoseconds grace = std::chrono::seconds(2));

  /// Listens for a node and gives the port: the one that it has already, `preferred` if it is free and in the range, or
  /// a free one. TooManyRequests when the range is full.
  Result<uint16_t> add(const std::string& node, uint16_t preferred = 0);
  /// The port is free for others at once; connections that are open end by themselves.
  void remove(const std::string& node);

  uint16_t sharedPort() const { return shared_port_; }
  /// 0: not there.
  uint16_t portOf(const std::string& node) const;
  size_t size() const { return nodes_.size(); }
  /// From now on (the certificate was renewed); listeners that exist go on with the old one until they are added anew.
  void useTls(std::shared_ptr<net::TlsContext> tls);

 private:
  struct Listening {
    uint16_t port = 0;
    std::unique_ptr<async::TaskGroup> accepting;
  };
  Result<Listening> listen(const std::string& node, uint16_t port);
  bool inRange(uint16_t port) const { return port >= options_.first_port && port <= options_.last_port; }

  Executor executor_;
  std::shared_ptr<Api> api_;
  std::shared_ptr<net::TlsContext> tls_;
  NodePortOptions options_;
  http::Server server_;
  uint16_t shared_port_ = 0;
  uint16_t next_ = 0;
  Listening shared_;
  std::map<std::string, Listening> nodes_;
  std::map<uint16_t, std::string> taken_;
};

}  // namespace slipway::kubelet
