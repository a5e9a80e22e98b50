#pragma once

#include <set>
#include <string>

#include "agent/attempts.h"
#include "agent/hub.h"
#include "async/task_group.h"

namespace slipway::agent {

/// Brings supervisors the secrets that their plans leave out: by the hub, or, to a supervisor that has said in its
/// report file that it cannot reach the hub, as a file of mode 0600 in the pod's directory.
///
/// Life cycle: run() until cancelled. A delivery that fails is made again for as long as the supervisor's report asks.
/// Borrows both; on the agent's loop.
class SecretsCourier {
 public:
  SecretsCourier(Executor executor, Attempts& attempts, const Hub& hub)
      : attempts_(attempts), hub_(hub), group_(std::move(executor)) {}
  Task<void> run();

 private:
  Task<void> rounds();
  Task<void> deliver(std::string key);
  Attempts& attempts_;
  const Hub& hub_;
  std::set<std::string> under_way_;
  async::TaskGroup group_;
};

}  // namespace slipway::agent
