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

/// The two places where a pod's log can be read.
struct LogSources {
  /// The way to the supervisor; null while it is not connected.
  std::function<std::shared_ptr<tunnel::Channel>()> supervisor;
  pod::PodDirectory directory;
  StillWritten still_written;
  const Clock& clock;
};

/// A container's log. The supervisor is asked when it is connected: it knows of each line at once. When it is not, or
/// when its tunnel breaks in the middle, the log goes on from the files that both share, behind the last piece that
/// came, until the supervisor is back: no line is lost and none comes twice. Without follow it ends with what is there,
/// and a container that has not begun has an empty log.
Task<Status> servePodLogs(tunnel::ServerCall& call, site::v1::LogsRequest request, LogSources sources);

/// The output file of a mirrored job: plain text, so timestamps and since do not apply. The file must be a regular one
/// that belongs to the job's user: nobody reads the agent's own files by naming them as output. Forbidden, NotFound and
/// so on say why it cannot be shown.
Task<Status> serveJobOutput(tunnel::ServerCall& call, site::v1::LogsRequest request, site::v1::Job job,
                            StillWritten still_written);

}  // namespace slipway::agent
