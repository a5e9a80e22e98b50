#include "supervisor/container_state.h"

#include <algorithm>

namespace slipway::supervisor {

ContainerState next(ContainerState state, ContainerEvent event, bool restarts) {
  using State = ContainerState;
  const State after_end = restarts ? State::CrashBackOff : State::Exited;
  switch (event) {
    case ContainerEvent::Turn:
      return state == State::Waiting ? State::Pulling : state;
    case ContainerEvent::ImageReady:
      return state == State::Pulling ? State::Starting : state;
    case ContainerEvent::ImageFailed:
      return state == State::Pulling ? State::PullBackOff : state;
    case ContainerEvent::Started:
      return state == State::Starting ? State::Running : state;
    case ContainerEvent::StartFailed:
      return state == State::Starting ? after_end : state;
    case ContainerEvent::Ended:
      return state == State::Running || state == State::Stopping ? after_end : state;
    case ContainerEvent::BackOffOver:
      // The image is looked up again before each start, as imagePullPolicy says.
      return state == State::PullBackOff || state == State::CrashBackOff ? State::Pulling : state;
    case ContainerEvent::StopWanted:
      if (state == State::Running) return State::Stopping;
      return state == State::Stopping ? state : State::Exited;
    case ContainerEvent::Broken:
      return State::Exited;
  }
  return state;
}

bool restartsByRule(const site::v1::Container& container, int exit_code) {
  for (const site::v1::RestartRule& rule : container.restart_rules()) {
    const auto& codes = rule.exit_codes();
    const bool listed = std::find(codes.begin(), codes.end(), exit_code) != codes.end();
    const bool matches = rule.operator_() == "In" ? listed : rule.operator_() == "NotIn" && !listed;
    if (matches) return rule.action() == "Restart";
  }
  return false;
}

std::string_view format_as(ContainerState state) {
  switch (state) {
    case ContainerState::Waiting:
      return "Waiting";
    case ContainerState::Pulling:
      return "Pulling";
    case ContainerState::PullBackOff:
      return "PullBackOff";
    case ContainerState::Starting:
      return "Starting";
    case ContainerState::Running:
      return "Running";
    case ContainerState::Stopping:
      return "Stopping";
    case ContainerState::CrashBackOff:
      return "CrashBackOff";
    case ContainerState::Exited:
      return "Exited";
  }
  return "?";
}

}  // namespace slipway::supervisor
