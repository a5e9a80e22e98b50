#pragma once

#include <functional>
#include <memory>
#include <string>

#include "async/task.h"

namespace slipway::cli {

/// Answers /healthz, /readyz and /metrics of a process by plain HTTP.
struct HealthOptions {
  std::string listen;                          ///< "host:port"; "": not served at all
  std::function<std::string()> metrics;        ///< Prometheus text
  std::function<std::string()> why_not_ready;  ///< "" when ready
};

/// Serves until cancelled. An address that cannot be listened on is logged: the process goes on without it.
Task<void> serveHealth(HealthOptions options);

}  // namespace slipway::cli
