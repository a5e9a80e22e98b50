#pragma once

#include <list>
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

  bool stopping() const { return stopping_; }

  /// Starts an ephemeral container beside the others; one that is there already is left as it is. Conflict when the
  /// pod ends.
  Status addEphemeral(site::v1::Container container);

  /// New contents of volumes, on all nodes of the pod. ServiceUnavailable: it has not begun.
  Status updateVolumes(site::v1::UpdateVolumesRequest update);

  ContainerRunner* find(std::string_view container);
  /// All containers that there are; not to be kept over a wait.
  std::vector<ContainerRunner*> runners() const;
  PodContext& context() { return context_; }

 private:
  Task<bool> planIsWhole();
  Task<bool> runInits();
  Task<void> runMains();
  Task<void> stopSidecars();
  Task<void> stopEphemeral();
  Task<void> watchDeadline();
  Task<void> watchVolumes();
  void applyFsGroup();
  std::chrono::nanoseconds graceLeft() const;
  PodOutcome outcome() const;

  PodContext context_;
  Executor executor_;
  std::vector<std::unique_ptr<ContainerRunner>> runners_;  ///< of the plan, in its order
  std::list<site::v1::Container> ephemeral_plans_;
  std::list<ContainerRunner> ephemeral_;
  async::TaskGroup group_;
  bool stopping_ = false;
  bool over_ = false;  ///< nothing is started any more
  SteadyTime stop_deadline_;
  PodOutcome failed_;  ///< set before its time: reason and message of the pod
};

}  // namespace slipway::supervisor
