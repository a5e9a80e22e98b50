#pragma once

#include <memory>
#include <string>

#include "base/clock.h"
#include "controllers/csr_controller.h"
#include "controllers/resource_discovery.h"
#include "controllers/scheduler.h"

namespace slipway::controllers {

struct ControlPlaneOptions {
  ResourceDiscovery discover;        ///< empty: no namespace controller and no garbage collector
  kube::Client* metadata = nullptr;  ///< a client of the same server that asks for metadata only; null: the one client
  std::string root_ca_pem;           ///< for kube-root-ca.crt in each namespace; empty: none is made
  CsrOptions csr;
  SchedulerOptions scheduler;
  bool run_scheduler = true;
  bool run_event_ttl = true;  ///< false for a server that forgets old events itself
};

/// All controllers that an API server needs beside it, in one process.
///
/// Life cycle: run() until cancelled, once. The clients must outlive it. A failing server is waited for, for ever.
class ControlPlane {
 public:
  ControlPlane(Executor executor, kube::Client& client, Random& random, const Clock& clock,
               ControlPlaneOptions options);
  ~ControlPlane();
  Task<void> run();

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace slipway::controllers
