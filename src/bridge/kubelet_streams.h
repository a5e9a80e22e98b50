#pragma once

#include <memory>

#include "kubelet/backend.h"
#include "tunnel/rpc.h"

namespace slipway::bridge {

/// Calls of the site API, seen as the kubelet API wants them. The call's first message has been sent.
std::unique_ptr<kubelet::LogStream> logStream(std::unique_ptr<tunnel::ClientCall> call);
std::unique_ptr<kubelet::ExecSession> execSession(std::unique_ptr<tunnel::ClientCall> call);
std::unique_ptr<kubelet::PortSession> portSession(std::unique_ptr<tunnel::ClientCall> call);

}  // namespace slipway::bridge
