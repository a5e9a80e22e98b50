#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "container/image_store.h"
#include "supervisor/pod_context.h"

namespace slipway::supervisor {

struct SupervisorOptions {
  std::filesystem::path directory;            ///< of the pod's attempt (pod/layout.h)
  std::map<std::string, std::string> env;     ///< of this process; cli/ reads it
  std::string default_runtime;                ///< where the plan names none; "": the first that is there
  std::filesystem::path scratch = "/tmp";     ///< local disk of the node; $TMPDIR
  std::filesystem::path memory = "/dev/shm";  ///< tmpfs of the node
  container::ImageStoreOptions images;        ///< root "": $HOME/.slipway/images
  pod::LogLimits log_limits;
  bool allow_host_path = true;  ///< volumes that are directories of the node
  Timing timing;
};

/// Runs the pod whose plan lies in the directory, serves the hub, and gives the job's exit code: 0 when the pod
/// succeeded, otherwise that of the container that failed. Ends by itself; SIGTERM and SIGINT stop the pod with its
/// grace period. A directory without a plan is exit code 1 with a line in the log.
Task<int> runSupervisor(SupervisorOptions options);

/// The whole of `slipway supervise`: a keeper process and, as its child, runSupervisor() on a loop of its own. The
/// keeper passes signals on, adopts orphans of the containers, and when the child is killed it ends everything that
/// belongs to the pod and reports the pod as failed. Call it before any thread or loop is started.
int superviseMain(const SupervisorOptions& options);

}  // namespace slipway::supervisor
