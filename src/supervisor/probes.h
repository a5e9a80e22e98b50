#pragma once

#include "async/task_group.h"
#include "supervisor/pod_context.h"

namespace slipway::supervisor {

class ContainerRunner;

/// One try of a probe or hook. An Error says why it failed, in kubelet's words where it has some.
Task<Status> runHandler(PodContext& context, ContainerRunner& runner, site::v1::Handler handler,
                        std::chrono::nanoseconds timeout);

/// The probes of a running container: the startup probe until it passes, then liveness and readiness as tasks of
/// `group`, which lives no longer than the process. Results go to the runner (setStarted, setReady, restartFor).
Task<void> runProbes(PodContext& context, ContainerRunner& runner, async::TaskGroup& group);

}  // namespace slipway::supervisor
