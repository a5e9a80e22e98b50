#pragma once

#include <string>
#include <vector>

#include "http/server.h"
#include "kubelet/authenticator.h"
#include "kubelet/backend.h"
#include "kubelet/summary.h"

namespace slipway::kubelet {

/// The routes of a kubelet, for any node:
///   GET /healthz /pods /runningpods/ /stats/summary /metrics /metrics/resource /containerLogs/{ns}/{pod}/{container}
///   GET, POST /exec /attach /{ns}/{pod}[/{uid}]/{container}, /portForward/{ns}/{pod}[/{uid}]
/// Every call is authenticated and authorised first, /healthz too. Runs on one loop, borrows all that it is given.
class Api {
 public:
  Api(Backend& backend, Authenticator& authenticator) : backend_(backend), authenticator_(authenticator) {}

  /// Answers one call as the kubelet of `node`; "" is all nodes together (the shared port), told apart by the query's
  /// "node" where it matters.
  Task<void> handle(std::string node, http::Exchange& exchange);

 private:
  struct Call {
    http::Exchange& exchange;
    std::string node;
    std::vector<std::string> path;  ///< decoded segments
  };
  Task<Status> admit(std::string node, http::Exchange& exchange);
  Task<void> route(Call call);
  Task<void> sendPods(Call call, bool only_running);
  Task<void> sendLogs(Call call);
  Task<void> runCommand(Call call);
  Task<void> forwardPorts(Call call);
  Task<void> sendSummary(Call call);
  Task<void> sendResourceMetrics(Call call);
  Task<void> sendOwnMetrics(Call call);
  Result<ContainerRef> find(const Call& call, bool with_container) const;

  Backend& backend_;
  Authenticator& authenticator_;
  CpuRates rates_;
};

}  // namespace slipway::kubelet
