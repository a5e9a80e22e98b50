#pragma once

#include "http/server.h"
#include "kubelet/backend.h"

namespace slipway::kubelet {

/// The query of /exec and /attach: command, input, output, error, tty. BadRequest when no stream is asked for.
Result<ExecOptions> parseExecOptions(std::string_view query, bool attach);

/// Serves an exec or attach until the command ended or the client left. A command that cannot be begun is an HTTP
/// error; how one that ran ended is told on the error channel.
Task<void> serveRemoteCommand(http::Exchange& exchange, Backend& backend, ContainerRef container, ExecOptions options);

/// metav1.Status of a command's end, as v4.channel.k8s.io wants it.
std::string exitStatus(const ExecOutput& end);

}  // namespace slipway::kubelet
