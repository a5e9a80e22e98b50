#include "kube/lease_keeper.h"

#include "async/deadline.h"
#include "async/task_group.h"
#include "base/log.h"
#include "kube/stop_after.h"

namespace slipway::kube {

LeaseKeeper::LeaseKeeper(Client& client, LeaseOptions options, const Clock& clock, Random& random)
    : client_(client), options_(std::move(options)), clock_(clock), random_(random) {}

void LeaseKeeper::add(const std::string& name, const std::string& node_uid) {
  const auto found = leases_.find(name);
  if (found != leases_.end()) {
    if (found->second.node_uid == node_uid) return;
    found->second.node_uid = node_uid;
    found->second.resource_version.clear();
    return;
  }
  leases_[name].node_uid = node_uid;
  // A fresh Node must not wait for its first lease, yet 4,000 of them must not come at once.
  schedule(name, std::chrono::nanoseconds(
                     static_cast<int64_t>(static_cast<double>(options_.interval.count()) * 0.2 * random_.unit())));
}

void LeaseKeeper::remove(const std::string& name) {
  leases_.erase(name);
}

void LeaseKeeper::schedule(const std::string& name, std::chrono::nanoseconds delay) {
  const auto found = leases_.find(name);
  if (found == leases_.end()) return;
  const SteadyTime due =
      std::chrono::steady_clock::now() + std::chrono::duration_cast<std::chrono::steady_clock::duration>(delay);
  found->second.due = due;
  const bool first = schedule_.empty() || due < schedule_.begin()->first;
  schedule_.emplace(due, name);
  if (first) earlier_.pulse();
}

Task<void> LeaseKeeper::run() {
  const Executor executor = co_await async::thisExecutor();
  async::TaskGroup group(executor);
  for (size_t i = 0; i < options_.workers; ++i) group.spawn("lease worker", work());
  group.spawn("lease timer", keepTime());
  Task<void> ends = group.join();
  co_await stopAfter(std::move(ends), group);
}

Task<void> LeaseKeeper::keepTime() {
  while (true) {
    if (schedule_.empty()) {
      co_await earlier_.wait();
      continue;
    }
    const SteadyTime now = std::chrono::steady_clock::now();
    const auto first = schedule_.begin();
    if (first->first > now) {
      co_await earlier_.waitFor(first->first - now);
      continue;
    }
    const auto lease = leases_.find(first->second);
    // A date that is not the lease's own any more belongs to one that was removed and added again.
    if (lease != leases_.end() && lease->second.due == first->first) {
      due_.push_back(first->second);
      ready_.set();
    }
    schedule_.erase(first);
  }
}

Task<void> LeaseKeeper::work() {
  while (true) {
    while (due_.empty()) {
      ready_.reset();
      co_await ready_.wait();
    }
    const std::string name = std::move(due_.front());
    due_.pop_front();
    Task<Status> task = renew(name);
    const Status renewed = co_await async::withDeadline(std::move(task), options_.deadline, "lease " + name);
    if (renewed) {
      ++renewals_;
    } else {
      ++failures_;
      log::debug("lease {}: {}", name, renewed.error().message);
      const auto lease = leases_.find(name);
      if (lease != leases_.end()) lease->second.resource_version.clear();
    }
    const double vary = 1.0 + options_.jitter * random_.unit();
    const double part = renewed ? vary : 0.1;
    schedule(name,
             std::chrono::nanoseconds(static_cast<int64_t>(static_cast<double>(options_.interval.count()) * part)));
  }
}

Object LeaseKeeper::object(const std::string& name, const Lease& lease) const {
  Object metadata{{"name", name}, {"namespace", options_.ns}};
  if (!lease.resource_version.empty()) metadata["resourceVersion"] = lease.resource_version;
  if (!lease.node_uid.empty()) {
    metadata["ownerReferences"] =
        json::array{Object{{"apiVersion", "v1"}, {"kind", "Node"}, {"name", name}, {"uid", lease.node_uid}}};
  }
  return {{"apiVersion", "coordination.k8s.io/v1"},
          {"kind", "Lease"},
          {"metadata", std::move(metadata)},
          {"spec",
           {{"holderIdentity", options_.holder.empty() ? name : options_.holder},
            {"leaseDurationSeconds", options_.duration.count()},
            {"renewTime", formatMicroTime(clock_.now())}}}};
}

void LeaseKeeper::remember(const std::string& name, const Object& object) {
  const auto lease = leases_.find(name);
  if (lease != leases_.end()) lease->second.resource_version = std::string(resourceVersion(object));
}

Task<Status> LeaseKeeper::renew(std::string name) {
  auto lease = leases_.find(name);
  if (lease == leases_.end()) co_return Status();
  if (!lease->second.resource_version.empty()) {
    Object wanted = object(name, lease->second);
    const Result<Object> updated = co_await client_.update(kLeases, std::move(wanted));
    if (updated) {
      remember(name, *updated);
      co_return Status();
    }
    if (!updated.error().is(Code::Conflict) && !updated.error().is(Code::NotFound)) co_return failure(updated.error());
  }
  co_return co_await fetchOrCreate(std::move(name));
}

Task<Status> LeaseKeeper::fetchOrCreate(std::string name) {
  const Result<Object> existing = co_await client_.get(kLeases, options_.ns, name);
  if (!existing && !existing.error().is(Code::NotFound)) co_return failure(existing.error());
  const auto lease = leases_.find(name);
  if (lease == leases_.end()) co_return Status();
  lease->second.resource_version = existing ? std::string(resourceVersion(*existing)) : "";
  Object wanted = object(name, lease->second);
  Result<Object> written = failure(Code::InternalError, "not written");
  if (existing) {
    written = co_await client_.update(kLeases, std::move(wanted));
  } else {
    written = co_await client_.create(kLeases, options_.ns, std::move(wanted));
  }
  if (!written) co_return failure(written.error());
  remember(name, *written);
  co_return Status();
}

}  // namespace slipway::kube
