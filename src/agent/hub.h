#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "async/task_group.h"
#include "base/clock.h"
#include "net/tcp.h"
#include "pki/certificate.h"
#include "pod/layout.h"
#include "tunnel/endpoint.h"

namespace slipway::agent {

struct HubOptions {
  std::string listen = "0.0.0.0:0";    ///< port 0: a free one, kept in the state directory for the next start
  std::vector<std::string> addresses;  ///< by which compute nodes reach this host; empty: its host name
  std::filesystem::path state_dir;
  tunnel::TunnelOptions tunnel;
};

/// Where supervisors dial in. Each pod attempt has a certificate of its own, signed by a CA that never leaves the state
/// directory; its common name, "<uid>/<attempt>", is who it is. A newer connection of the same attempt replaces the
/// older (a requeued job).
///
/// Life cycle: open() makes or reads the keys and listens, run() serves until cancelled. Runs on the agent's loop.
class Hub {
 public:
  using OnReport = std::function<void(const std::string& key, site::v1::PodReport report)>;
  using OnConnected = std::function<void(const std::string& key, bool connected)>;

  Hub(Executor executor, HubOptions options, const Clock& clock, OnReport on_report, OnConnected on_connected);
  ~Hub();

  Status open();
  Task<void> run();

  /// What goes into a pod's hub.json.
  Result<pod::HubFile> hubFile(const std::string& uid, uint32_t attempt) const;
  /// The way to the supervisor of "<uid>/<attempt>"; null when it is not connected.
  std::shared_ptr<tunnel::Channel> channel(const std::string& key) const;
  uint16_t port() const { return port_; }
  /// Where it listens, as seen from this host.
  net::HostPort here() const;
  size_t supervisors() const { return channels_.size(); }

 private:
  Task<void> serveSupervisor(tunnel::OpenTunnel tunnel);
  Result<pki::Identity> loadCa() const;
  Result<std::unique_ptr<net::Listener>> listen();

  Executor executor_;
  HubOptions options_;
  const Clock& clock_;
  OnReport on_report_;
  OnConnected on_connected_;
  pki::Identity ca_;
  std::shared_ptr<net::TlsContext> tls_;
  std::unique_ptr<net::Listener> listener_;
  std::unique_ptr<tunnel::AcceptingEnd> end_;
  uint16_t port_ = 0;
  std::map<std::string, std::shared_ptr<tunnel::Channel>> channels_;
};

}  // namespace slipway::agent
