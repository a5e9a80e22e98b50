#pragma once

#include <memory>

#include "supervisor/pod_supervisor.h"
#include "tunnel/rpc.h"

namespace slipway::supervisor {

/// The service "slipway.site.v1.Pod" that the hub calls over the tunnel. Borrows the supervisor; lives as long as the
/// tunnel.
class PodService {
 public:
  explicit PodService(PodSupervisor& supervisor) : supervisor_(supervisor) {}

  /// The handlers; they refer to this object.
  std::shared_ptr<const tunnel::Service> service();
  /// Completes when all Watch streams have sent the newest report and no log is being read any more, or after `limit`.
  Task<void> delivered(std::chrono::nanoseconds limit);

 private:
  Task<Status> watch(tunnel::ServerCall& call);
  Task<Status> stop(tunnel::ServerCall& call);
  Task<Status> logs(tunnel::ServerCall& call);
  Task<Status> portForward(tunnel::ServerCall& call);
  Task<Status> stats(tunnel::ServerCall& call);
  Task<Status> updateVolumes(tunnel::ServerCall& call);
  Task<Status> giveSecrets(tunnel::ServerCall& call);
  Task<Status> addContainers(tunnel::ServerCall& call);
  Task<Status> sendLog(tunnel::ServerCall& call, const site::v1::LogsRequest& request);

  PodSupervisor& supervisor_;
  std::map<const void*, uint64_t> watched_;  ///< sequence that each Watch stream has sent
  size_t readers_ = 0;                       ///< Logs and Exec streams
};

}  // namespace slipway::supervisor
