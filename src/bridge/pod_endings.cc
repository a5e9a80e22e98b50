// How a Pod's job is ended, and how the Pod object goes after it: the half of PodRunner that takes away.

#include "bridge/pod_patches.h"
#include "bridge/pod_runner.h"

namespace slipway::bridge {

using kube::Object;
using kube::ObjectPtr;
using site::v1::PodReport;

namespace {

bool nothingRan(const PodReport& report) {
  return std::all_of(report.containers().begin(), report.containers().end(),
                     [](const auto& container) { return container.has_waiting() && !container.has_last_terminated(); });
}

}  // namespace

bool PodRunner::heldBack(const Object& pod, const PodReport& report) {
  if (report.stage() != PodReport::FAILED || isFinal(pod)) return false;
  const std::string owner(replacerOf(pod));
  if (owner.empty() || kube::text(pod, {"status", "phase"}) == "Running" || !nothingRan(report)) return false;
  const std::string uid(kube::uid(pod));
  const SteadyTime now = shared_.clock.steady();
  Entry& entry = entries_[uid];
  if (!entry.fails_at) {
    const async::BackoffPolicy& policy = shared_.options.pods.refused;
    std::erase_if(early_ends_, [&](const auto& each) { return now - each.second.last > 4 * policy.max; });
    const auto known = early_ends_.find(owner);
    entry.fails_at = now;
    if (known == early_ends_.end()) {
      early_ends_.emplace(owner, EarlyEnds{async::Backoff(policy, shared_.random), now});
    } else {
      *entry.fails_at += std::chrono::duration_cast<SteadyTime::duration>(known->second.delays.next());
      known->second.last = *entry.fails_at;
    }
  }
  if (now >= *entry.fails_at) return false;
  queue_.addAfter(uid, *entry.fails_at - now);
  return true;
}

Task<Status> PodRunner::orphan(std::string uid) {
  const auto found = entries_.find(uid);
  if (found == entries_.end() || !shared_.pods.synced()) co_return Status();
  Entry& entry = found->second;
  const bool over = entry.report && isOver(*entry.report);
  if (over && !entry.cancelled_at) co_return co_await forget(uid);
  if (over || (!entry.report && !entry.gone)) {
    entries_.erase(found);
    co_return Status();
  }
  const SteadyTime now = shared_.clock.steady();
  if (!entry.gone) {
    // Another controller may have submitted a Pod that our watch has not brought yet.
    if (!entry.orphan_since) entry.orphan_since = now;
    const auto left = shared_.options.pods.orphan_delay - (now - *entry.orphan_since);
    if (left.count() > 0) {
      queue_.addAfter(uid, left);
      co_return Status();
    }
  }
  if (!link_.connected()) co_return Status();
  if (entry.cancelled_at) {
    const auto left = shared_.options.pods.cancel_again - (now - *entry.cancelled_at);
    if (left.count() > 0) {
      queue_.addAfter(uid, left);
      co_return Status();
    }
  }
  const int64_t grace = entry.last_grace;
  const Result<bool> existed = co_await cancel(uid, grace);
  if (!existed) co_return failure(existed.error());
  if (!*existed) {
    entries_.erase(uid);
  } else {
    queue_.addAfter(uid, shared_.options.pods.cancel_again);
  }
  co_return Status();
}

Task<Status> PodRunner::forget(std::string uid) {
  if (!link_.connected()) co_return Status();
  // Its job is over; the agent need not keep what it knows of it for people who might still ask.
  const Result<bool> told = co_await cancel(uid, 0);
  if (!told) co_return failure(told.error());
  entries_.erase(uid);
  co_return Status();
}

int64_t PodRunner::graceLeft(const Object& pod) {
  // Counted from when it was seen here: the API server's clock may be another one.
  Entry& entry = entries_[std::string(kube::uid(pod))];
  const SteadyTime now = shared_.clock.steady();
  if (!entry.deletion_seen) entry.deletion_seen = now;
  const int64_t passed = std::chrono::duration_cast<std::chrono::seconds>(now - *entry.deletion_seen).count();
  const int64_t whole = kube::integer(pod, {"metadata", "deletionGracePeriodSeconds"}, 30);
  return std::max<int64_t>(0, whole - passed);
}

Task<Status> PodRunner::terminate(ObjectPtr pod) {
  const std::string uid(kube::uid(*pod));
  Entry& entry = entries_[uid];
  if (entry.report && isOver(*entry.report)) co_return co_await removePod(pod);
  if (!link_.connected()) co_return Status();
  const SteadyTime now = shared_.clock.steady();
  const int64_t whole = kube::integer(*pod, {"metadata", "deletionGracePeriodSeconds"}, 30);
  const bool told = entry.cancelled_at && entry.last_grace == whole;
  if (told && now - *entry.cancelled_at < shared_.options.pods.cancel_again) {
    queue_.addAfter(uid, shared_.options.pods.cancel_again - (now - *entry.cancelled_at));
    co_return Status();
  }
  entry.last_grace = whole;
  const Result<bool> existed = co_await cancel(uid, graceLeft(*pod));
  if (!existed) co_return failure(existed.error());
  // The agent never heard of it, or has forgotten it: there is no job.
  if (!*existed) co_return co_await removePod(pod);
  queue_.addAfter(uid, shared_.options.pods.cancel_again);
  co_return Status();
}

Task<Result<bool>> PodRunner::cancel(std::string uid, int64_t grace) {
  site::v1::CancelRequest request;
  request.set_pod_uid(uid);
  request.set_grace_seconds(grace);
  const Result<site::v1::CancelResponse> answer =
      co_await link_.call<site::v1::CancelResponse>(kCancel, std::move(request), shared_.options.pods.cancel_deadline);
  if (!answer) co_return failure(answer.error().wrap("cancel"));
  ++shared_.counters.cancels;
  entries_[uid].cancelled_at = shared_.clock.steady();
  co_return answer->existed();
}

Task<Status> PodRunner::removePod(ObjectPtr pod) {
  const std::string ns(kube::nameSpace(*pod));
  const std::string name(kube::name(*pod));
  kube::DeleteOptions options;
  options.grace_seconds = 0;
  options.uid = std::string(kube::uid(*pod));
  const Result<Object> removed = co_await shared_.client.remove(kube::kPods, ns, name, std::move(options));
  // A Conflict: the name is another Pod's by now.
  if (!removed && !removed.error().is(Code::NotFound) && !removed.error().is(Code::Conflict)) {
    co_return failure(removed.error());
  }
  co_return Status();
}

}  // namespace slipway::bridge
