#include "bridge/site_health.h"

namespace slipway::bridge {
namespace {

constexpr auto kMessageEvery = std::chrono::minutes(1);

}  // namespace

void SiteHealth::setAgentConnected(bool connected) {
  if (present_.agent_connected == connected) return;
  present_.agent_connected = connected;
  agent_since_ = clock_.steady();
  changed_.pulse();
}

void SiteHealth::setSlurm(bool ok, std::string message) {
  if (present_.slurm_ok == ok && present_.slurm_message == message) return;
  if (present_.slurm_ok != ok) slurm_since_ = clock_.steady();
  present_.slurm_ok = ok;
  present_.slurm_message = std::move(message);
  changed_.pulse();
}

/// How long until something of what is present is to be shown; zero: now.
std::chrono::nanoseconds SiteHealth::delay() const {
  const SteadyTime now = clock_.steady();
  const auto from = [now](SteadyTime since, std::chrono::nanoseconds wait) {
    const std::chrono::nanoseconds left = wait - (now - since);
    return std::max(left, std::chrono::nanoseconds(0));
  };
  std::chrono::nanoseconds least = std::chrono::nanoseconds::max();
  if (present_.agent_connected != shown_.agent_connected) {
    least = std::min(least, present_.agent_connected ? std::chrono::nanoseconds(0) : from(agent_since_, grace_));
  }
  if (present_.slurm_ok != shown_.slurm_ok) {
    least = std::min(least, present_.slurm_ok ? std::chrono::nanoseconds(0) : from(slurm_since_, grace_));
  } else if (present_.slurm_message != shown_.slurm_message) {
    least = std::min(least, from(shown_at_, kMessageEvery));
  }
  return least;
}

/// What is shown of the present: trouble that is younger than the grace time is not.
SiteState SiteHealth::next() const {
  const SteadyTime now = clock_.steady();
  SiteState state = shown_;
  if (present_.agent_connected || now - agent_since_ >= grace_) state.agent_connected = present_.agent_connected;
  if (present_.slurm_ok || now - slurm_since_ >= grace_) {
    state.slurm_ok = present_.slurm_ok;
    state.slurm_message = present_.slurm_message;
  }
  return state;
}

Task<void> SiteHealth::run() {
  agent_since_ = clock_.steady();
  while (true) {
    const std::chrono::nanoseconds wait = delay();
    if (wait == std::chrono::nanoseconds::max()) {
      co_await changed_.wait();
    } else if (wait.count() > 0) {
      co_await changed_.waitFor(wait);
    } else {
      const SiteState before = shown_;
      shown_ = next();
      shown_at_ = clock_.steady();
      show_(before, shown_);
    }
  }
}

}  // namespace slipway::bridge
