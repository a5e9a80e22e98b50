#pragma once

#include <memory>
#include <vector>

#include "supervisor/container_runner.h"

namespace slipway::supervisor {

/// How the pod ended.
struct PodOutcome {
  bool succeeded = false;
  int exit_code = 1;   ///< for the job
  std::string reason;  ///< of the pod: DeadlineExceeded, FailedMount, or empty
  std::string message;
};

/// Runs all containers of one pod: volumes, init containers and sidecars in order, then the containers at once, and the
/// sidecars' end after theirs.
///
/// Life cycle: run() once; stop() at any time makes it end. Owns the runners, which stay until it goes.
class PodSupervisor {
 public:
  PodSupervisor(PodContext context, Executor executor);
  ~PodSupervisor();

  Task<PodOutcome> run();
  /// Ends the pod: TERM, then KILL after the grace period. `reason` is the pod's, empty when somebody just deletes it.
  void stop(std::chrono::nanoseconds grace, std::string reason = "", std::string message = "");

  ContainerRunner* find(std::string_view container);
  const std::vector<std::unique_ptr<ContainerRunner>>& runners() const { return runners_; }
  PodContext& context() { return context_; }

 private:
  Task<bool> runInits();
  Task<void> runMains();
  Task<void> stopSidecars();
  Task<void> watchDeadline();
  Status writeNetworkFiles();
  std::chrono::nanoseconds graceLeft() const;
  PodOutcome outcome() const;

  PodContext context_;
  Executor executor_;
  std::vector<std::unique_ptr<ContainerRunner>> runners_;
  async::TaskGroup group_;
  bool stopping_ = false;
  SteadyTime stop_deadline_;
  PodOutcome failed_;  ///< set before its time: reason and message of the pod
};

}  // namespace slipway::supervisor
