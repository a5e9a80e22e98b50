#pragma once

#include <map>

#include "async/event.h"
#include "kubelet/authenticator.h"
#include "kubelet/backend.h"

namespace slipway::kubelet::testing {

/// Lets everyone in, or nobody.
class FakeAuthenticator final : public Authenticator {
 public:
  Task<Result<User>> authenticate(const http::Request& request, const net::Peer& peer) override;
  Task<Status> authorize(User user, Access access) override;

  bool known = true;
  bool allowed = true;
  std::vector<Access> asked;
};

/// A log that a test writes while it is read.
struct FakeLog {
  async::Channel<std::string> pieces{1000};
  bool ended = false;  ///< a reader came and went
};

/// A backend in memory.
class FakeBackend final : public Backend {
 public:
  std::vector<kube::Object> podsOf(const std::string& node) const override;
  std::optional<kube::Object> findPod(const std::string& ns, const std::string& name) const override;
  Task<Result<std::unique_ptr<LogStream>>> logs(ContainerRef container, LogOptions options) override;
  /// Runs "cat": what comes in goes out, until the input ends or "exit <n>" comes.
  Task<Result<std::unique_ptr<ExecSession>>> exec(ContainerRef container, ExecOptions options) override;
  /// Echoes. Port 1 cannot be had; of port 2 the pod says so.
  Task<Result<std::unique_ptr<PortSession>>> portForward(ContainerRef pod, uint16_t port) override;
  Task<Result<NodeStats>> nodeStats(std::string node) override;
  Task<Result<std::vector<PodStats>>> podStats(std::string node) override;

  std::vector<kube::Object> pods;
  std::map<std::string, std::shared_ptr<FakeLog>> log_of;  ///< by container
  NodeStats node;
  std::vector<PodStats> usage;
  std::optional<Error> broken;  ///< every call that leaves the process fails so

  ContainerRef last_container;
  LogOptions last_log;
  ExecOptions last_exec;
  std::vector<TerminalSize> resizes;
  int open_sessions = 0;
};

/// A pod with one container "main" on a node.
kube::Object makePod(const std::string& ns, const std::string& name, const std::string& node);

}  // namespace slipway::kubelet::testing
