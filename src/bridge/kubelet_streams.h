#pragma once

#include <memory>

#include "bridge/site_calls.h"
#include "kubelet/backend.h"

namespace slipway::bridge {

/// Calls of the site API, seen as the kubelet API wants them.
///
/// Error when the agent is away or refuses at once. A followed log of a pod goes on over tunnels that break, for as
/// long as the agent is back within two minutes.
Task<Result<std::unique_ptr<kubelet::LogStream>>> logStream(const SiteLink& link, site::v1::LogsRequest request);
/// The call's first message has been sent.
std::unique_ptr<kubelet::ExecSession> execSession(std::unique_ptr<tunnel::ClientCall> call);
std::unique_ptr<kubelet::PortSession> portSession(std::unique_ptr<tunnel::ClientCall> call);

}  // namespace slipway::bridge
