#pragma once

#include <filesystem>
#include <string>

#include "config/agent_config.h"

namespace slipway::cli {

/// An environment variable, or "".
std::string environment(const char* name);

/// stateDir of agent.yaml, or $XDG_STATE_HOME/slipway, or ~/.local/state/slipway.
std::filesystem::path stateDirectoryOf(const config::AgentConfig& config);

/// The proxy to dial through: `proxy` of agent.yaml, or HTTPS_PROXY / https_proxy unless NO_PROXY names the host.
std::string proxyFor(const config::AgentConfig& config, const std::string& host);

/// This program's own path, links resolved.
std::string ownBinary();

}  // namespace slipway::cli
