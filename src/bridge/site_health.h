#pragma once

#include <chrono>
#include <functional>
#include <string>

#include "async/event.h"
#include "base/clock.h"

namespace slipway::bridge {

/// What the Nodes of a cluster say of their site.
struct SiteState {
  bool agent_connected = true;
  bool slurm_ok = true;
  std::string slurm_message;  ///< the failing command, what it said and the mend; also of a success with a flaw
  bool operator==(const SiteState&) const = default;
};

/// From what happens to what the Nodes show. Good news is shown at once. Bad news is shown when it has lasted for the
/// grace time, so that a tunnel that comes back or one poll that failed writes nothing; and a message that changes
/// while the trouble goes on is shown once a minute at most, because each showing is a write for every Node.
///
/// Life cycle: run() until cancelled; told by the session at any time. Runs on the controller's loop.
class SiteHealth {
 public:
  using Show = std::function<void(const SiteState& before, const SiteState& now)>;
  SiteHealth(const Clock& clock, std::chrono::nanoseconds grace, Show show)
      : clock_(clock), grace_(grace), show_(std::move(show)) {}

  void setAgentConnected(bool connected);
  void setSlurm(bool ok, std::string message);
  Task<void> run();
  const SiteState& shown() const { return shown_; }

 private:
  std::chrono::nanoseconds delay() const;
  SiteState next() const;

  const Clock& clock_;
  std::chrono::nanoseconds grace_;
  Show show_;
  SiteState present_{.agent_connected = false, .slurm_message = {}};
  SiteState shown_;
  SteadyTime agent_since_{};  ///< when what is present began
  SteadyTime slurm_since_{};
  SteadyTime shown_at_{};
  async::Event changed_;
};

}  // namespace slipway::bridge
