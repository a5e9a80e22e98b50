// Secrets of attempts: what supervisors ask for and what may be given to them.
#include "agent/attempts.h"
#include "base/log.h"

namespace slipway::agent {

void Attempts::holdSecrets(Attempt& attempt, site::v1::PodSecrets secrets) {
  if (isOver(attempt.phase)) return;
  held_.hold(SubmissionJournal::keyOf(attempt.entry.uid, attempt.entry.attempt), std::move(secrets));
  secrets_wanted_.set();
}

std::vector<std::string> Attempts::wantingSecrets() const {
  std::vector<std::string> out;
  for (const auto& [key, attempt] : attempts_) {
    if (attempt.supervisor.wants_secrets() && !isOver(attempt.phase)) out.push_back(key);
  }
  return out;
}

/// After each report: whoever waits for secrets is seen to, and what was left for one who has them goes.
void Attempts::heedWants(Attempt& attempt) {
  if (attempt.supervisor.wants_secrets()) return secrets_wanted_.set();
  if (std::exchange(attempt.secrets_left, 0) == 0) return;
  std::error_code ignored;
  std::filesystem::remove(directoryOf(attempt).secrets(), ignored);
}

Status Attempts::leaveSecretsAsFile(const std::string& key) {
  const auto found = attempts_.find(key);
  const site::v1::PodSecrets* held = held_.find(key);
  if (found == attempts_.end() || held == nullptr || options_.secrets == SecretsWay::Hub) return {};
  Attempt& attempt = found->second;
  // Supervisors that were there before this agent need a moment to dial again.
  const bool settled = options_.secrets == SecretsWay::File || ticks() - started_ >= options_.hub_patience.count();
  const bool asked = attempt.supervisor.wants_secrets() && attempt.supervisor.hub_unreachable();
  if (!asked || attempt.connected || !settled || attempt.secrets_left == attempt.supervisor.sequence()) return {};
  attempt.secrets_left = attempt.supervisor.sequence();
  if (!std::exchange(nodes_reach_hub_, false)) return pod::writeSecrets(directoryOf(attempt), *held);
  log::warn(
      "pod {}: its node ({}) cannot reach this agent (hub.addresses in agent.yaml): secrets go to supervisors as files "
      "of mode 0600, which they remove",
      key, attempt.supervisor.node());
  return pod::writeSecrets(directoryOf(attempt), *held);
}

bool Attempts::secretsGoAsFiles() const {
  return options_.secrets == SecretsWay::File || (options_.secrets == SecretsWay::Auto && !nodes_reach_hub_);
}

}  // namespace slipway::agent
