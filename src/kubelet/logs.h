#pragma once

#include <string>

#include "http/server.h"
#include "kubelet/backend.h"

namespace slipway::kubelet {

/// The query of /containerLogs, as v1.PodLogOptions; Invalid names the parameter.
Result<LogOptions> parseLogOptions(std::string_view query);

/// Sends a log as it comes, until its end, the byte limit, or the client's leaving.
Task<void> sendLog(http::Exchange& exchange, Backend& backend, ContainerRef container, LogOptions options);

}  // namespace slipway::kubelet
