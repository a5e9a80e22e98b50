#pragma once

#include <filesystem>
#include <functional>

#include "base/clock.h"
#include "pod/layout.h"
#include "proto/site.pb.h"
#include "tunnel/rpc.h"

namespace slipway::agent {

/// Whether the writer of a log may still write: a follower ends when it is false and all has been read.
using StillWritten = std::function<bool()>;

/// A container's log from the files that the supervisor left, for when it is not connected. Without follow it ends with
/// what is there, and a container that has not begun has an empty log.
Task<Status> serveLogFiles(tunnel::ServerCall& call, site::v1::LogsRequest request, pod::PodDirectory directory,
                           StillWritten still_written, const Clock& clock);

/// The output file of a mirrored job: plain text, so timestamps and since do not apply. The file must be a regular one
/// that belongs to the job's user: nobody reads the agent's own files by naming them as output. Forbidden, NotFound and
/// so on say why it cannot be shown.
Task<Status> serveJobOutput(tunnel::ServerCall& call, site::v1::LogsRequest request, site::v1::Job job,
                            StillWritten still_written);

}  // namespace slipway::agent
