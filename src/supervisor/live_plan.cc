#include "supervisor/live_plan.h"

#include "base/log.h"
#include "pod/secrets.h"
#include "supervisor/pod_context.h"

namespace slipway::supervisor {
namespace {

constexpr std::string_view kPending = "SecretsPending";

}  // namespace

LivePlan::LivePlan(site::v1::PodPlan plan, pod::PodDirectory directory, ReportBoard& board, const Timing& timing)
    : plan_(std::move(plan)), directory_(std::move(directory)), board_(board), timing_(timing) {
  if (!whole()) board_.update([](site::v1::PodReport& report) { report.set_wants_secrets(true); });
}

Status LivePlan::give(const site::v1::PodSecrets& secrets) {
  if (secrets.pod_uid() != plan_.pod_uid() || secrets.attempt() != plan_.attempt()) {
    return failure(Code::Forbidden, "secrets of pod {} for pod {}", secrets.pod_uid(), plan_.pod_uid());
  }
  if (whole()) return {};
  pod::putSecrets(plan_, secrets);
  secrets_ = secrets;
  board_.update([](site::v1::PodReport& report) {
    report.clear_wants_secrets();
    report.clear_hub_unreachable();
  });
  changed_.pulse();
  return {};
}

void LivePlan::takeFile() {
  const auto file = pod::takeSecretsFile(directory_);
  if (!file) return;
  const Status given = give(*file);
  if (!given) log::warn("{}: {}", directory_.secrets().string(), given.error().message);
}

void LivePlan::hubIs(bool connected, bool never) {
  connected_ = connected;
  no_hub_ = never;
  changed_.pulse();
}

/// Once, as an event and as what the containers wait for.
void LivePlan::tell(const std::string& message) {
  if (told_ == message) return;
  told_ = message;
  board_.event("Warning", std::string(kPending), message);
  showWaiting(std::string(kPending), message);
}

void LivePlan::showWaiting(const std::string& reason, const std::string& message) {
  board_.update([&](site::v1::PodReport& report) {
    for (auto& container : *report.mutable_containers()) {
      if (!container.has_waiting()) continue;
      container.mutable_waiting()->set_reason(reason);
      container.mutable_waiting()->set_message(message);
    }
  });
}

Task<Status> LivePlan::arrived(std::function<bool()> stopped) {
  const auto start = std::chrono::steady_clock::now();
  if (!whole()) takeFile();
  while (!whole() && !stopped()) {
    const auto waited = std::chrono::steady_clock::now() - start;
    const bool unreachable = !connected_ && (no_hub_ || waited >= timing_.hub_patience);
    if (unreachable) takeFile();
    if (whole()) break;
    if (unreachable && !board_.report().hub_unreachable()) {
      board_.update([](site::v1::PodReport& report) { report.set_hub_unreachable(true); });
    }
    if (unreachable) {
      tell(
          "waits for the pod's secrets: this node cannot reach the agent's hub (hub.addresses in agent.yaml); they "
          "come as a file then, where hub.secrets allows it and the agent is there");
    } else if (connected_ && waited >= timing_.hub_patience) {
      tell(
          "waits for the pod's secrets: the agent was restarted after it took the pod and asks the controller for them "
          "again");
    }
    if (waited >= timing_.secrets_limit) {
      co_return failure(Code::ServiceUnavailable, "the pod's secrets did not come within {}: {}",
                        formatDuration(timing_.secrets_limit), told_);
    }
    co_await changed_.waitFor(timing_.secrets_look);
  }
  if (!std::exchange(told_, "").empty()) {
    showWaiting(plan_.init_containers().empty() ? "ContainerCreating" : "PodInitializing", "");
  }
  co_return Status();
}

void LivePlan::update(const google::protobuf::RepeatedPtrField<site::v1::Volume>& volumes) {
  for (const site::v1::Volume& each : volumes) {
    for (site::v1::Volume& mine : *plan_.mutable_volumes()) {
      if (mine.name() != each.name() || !mine.has_files() || !each.has_files()) continue;
      mine = each;
      if (!each.files().secret()) changed_volumes_.push_back(each.name());
    }
  }
}

site::v1::PodSecrets LivePlan::forRank(const std::string& container) const {
  site::v1::PodSecrets out;
  out.set_pod_uid(plan_.pod_uid());
  out.set_attempt(plan_.attempt());
  *out.mutable_registry_auth() = plan_.registry_auth();
  for (const auto& each : secrets_.containers()) {
    if (each.name() == container) *out.add_containers() = each;
  }
  const auto& changed = changed_volumes_;
  for (const site::v1::Volume& volume : plan_.volumes()) {
    const bool differs = std::find(changed.begin(), changed.end(), volume.name()) != changed.end();
    if (differs || volume.files().secret()) *out.add_volumes() = volume;
  }
  return out;
}

}  // namespace slipway::supervisor
