#pragma once

#include "supervisor/pod_supervisor.h"
#include "tunnel/rpc.h"

namespace slipway::supervisor {

/// The Exec call: a command beside the container's own, or (attach) the container's own streams. Ends with `exited` and
/// the exit code, or with `error` when the command could not be run at all. When the caller goes the command is killed;
/// an attached container goes on.
Task<Status> serveExec(PodSupervisor& supervisor, tunnel::ServerCall& call);

}  // namespace slipway::supervisor
