#pragma once

#include <string_view>

#include "proto/site.pb.h"

namespace slipway::supervisor {

/// Where one container of the pod stands.
enum class ContainerState {
  Waiting,       ///< its turn has not come
  Pulling,       ///< the image is being made ready
  PullBackOff,   ///< that failed; again after a while
  Starting,      ///< the process is being started
  Running,       ///< the process runs
  Stopping,      ///< preStop hook or TERM is under way
  CrashBackOff,  ///< the process ended and is started again after a while
  Exited,        ///< ended for good
};

/// What happens to it.
enum class ContainerEvent {
  Turn,  ///< those before it are done
  ImageReady,
  ImageFailed,
  Started,
  StartFailed,  ///< the program could not be executed: an end with an exit code
  Ended,        ///< the process is gone
  StopWanted,   ///< the pod ends, a probe failed, ...
  BackOffOver,
  Broken,  ///< our own failure: nothing more can be done for it
};

/// The one place that says what follows. `restarts`: the restart policy has it started again after this end. An event
/// that means nothing in a state changes nothing.
ContainerState next(ContainerState state, ContainerEvent event, bool restarts);

/// Whether one of the container's restartPolicyRules has it started again, whatever its policy says: the first that
/// matches decides.
bool restartsByRule(const site::v1::Container& container, int exit_code);

std::string_view format_as(ContainerState state);

}  // namespace slipway::supervisor
