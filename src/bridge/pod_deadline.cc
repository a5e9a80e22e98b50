// activeDeadlineSeconds that was set or shortened after the job began: the supervisor knows the one of the beginning
// only.
#include "bridge/pod_patches.h"
#include "bridge/pod_runner.h"

namespace slipway::bridge {
namespace {

using site::v1::PodReport;

/// The supervisor is first where it knows the same deadline.
constexpr auto kSupervisorFirst = std::chrono::seconds(1);

}  // namespace

Task<Status> PodRunner::endAtDeadline(kube::ObjectPtr pod) {
  const std::string uid(kube::uid(*pod));
  const int64_t seconds = kube::integer(*pod, {"spec", "activeDeadlineSeconds"});
  const Result<WallTime> started = parseTime(kube::text(*pod, {"status", "startTime"}));
  const PodReport* known = report(uid);
  if (seconds <= 0 || !started || known == nullptr || known->stage() != PodReport::RUNNING) co_return Status();
  const auto left = *started + std::chrono::seconds(seconds) + kSupervisorFirst - shared_.clock.now();
  if (left > std::chrono::nanoseconds(0)) {
    queue_.addAfter(uid, left);
    co_return Status();
  }
  Entry& entry = entries_[uid];
  entry.past_deadline = true;
  if (entry.cancelled_at || !link_.connected()) co_return Status();
  const Result<bool> cancelled =
      co_await cancel(uid, kube::integer(*pod, {"spec", "terminationGracePeriodSeconds"}, 30));
  if (!cancelled) co_return failure(cancelled.error());
  co_return Status();
}

void PodRunner::blameDeadline(PodReport& report) const {
  const auto found = entries_.find(report.pod_uid());
  if (!isOver(report) || found == entries_.end() || !found->second.past_deadline) return;
  report.set_stage(PodReport::FAILED);
  report.set_reason("DeadlineExceeded");
  report.set_message("Pod was active on the node longer than the specified deadline");
}

}  // namespace slipway::bridge
