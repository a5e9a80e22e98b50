#include "bridge/volume_refresher.h"

#include "async/deadline.h"
#include "base/log.h"
#include "base/strings.h"
#include "kube/stop_after.h"

namespace slipway::bridge {
namespace {

constexpr size_t kRefreshWorkers = 4;
constexpr auto kRefreshDeadline = std::chrono::seconds(60);
constexpr auto kPushDeadline = std::chrono::seconds(20);

std::string hashOf(const site::v1::Volume& volume) {
  return sha256Hex(volume.SerializeAsString());
}

/// The pod with those volumes only whose contents can change.
kube::Object withFileVolumes(const kube::Object& pod) {
  kube::json::array volumes;
  for (const auto& item : kube::items(pod, {"spec", "volumes"})) {
    if (!item.is_object()) continue;
    const kube::Object& volume = kube::objectOf(item);
    const bool files = volume.contains("configMap") || volume.contains("secret") || volume.contains("projected") ||
                       volume.contains("downwardAPI");
    if (files) volumes.push_back(item);
  }
  kube::Object copy = pod;
  kube::ensure(copy, {"spec"})["volumes"] = std::move(volumes);
  return copy;
}

}  // namespace

VolumeRefresher::VolumeRefresher(Executor executor, Shared& shared, const SiteLink& link, ApiSource& source)
    : shared_(shared), link_(link), source_(source), queue_(std::move(executor), shared.options.retry, shared.random) {}

void VolumeRefresher::planned(const std::string& uid, const site::v1::PodPlan& plan) {
  Entry& entry = entries_[uid];
  entry.planned.clear();
  entry.planned_at = shared_.clock.steady();
  for (const site::v1::Volume& volume : plan.volumes()) {
    if (volume.has_files()) entry.planned[volume.name()] = hashOf(volume);
  }
  if (!entry.running) entry.pushed = entry.planned;
}

void VolumeRefresher::started(const std::string& uid) {
  Entry& entry = entries_[uid];
  if (std::exchange(entry.running, true)) return;
  // A job may have waited for days: its plan is as old, and its token has ended.
  const bool young =
      entry.planned_at && shared_.clock.steady() - *entry.planned_at < shared_.options.pods.refresh_volumes;
  if (!young) queue_.add(uid);
}

void VolumeRefresher::stopped(const std::string& uid, bool for_good) {
  const auto found = entries_.find(uid);
  if (found == entries_.end()) return;
  if (for_good) {
    entries_.erase(found);
    source_.forgetTokens(uid);
    return;
  }
  // Should the job run again, it begins with its plan.
  found->second.running = false;
  found->second.pushed = found->second.planned;
}

Task<void> VolumeRefresher::run() {
  const Executor executor = co_await async::thisExecutor();
  async::TaskGroup group(executor);
  group.spawn("volume rounds", rounds());
  for (size_t i = 0; i < kRefreshWorkers; ++i) group.spawn("volume worker", work());
  Task<void> ends = group.join();
  co_await kube::stopAfter(std::move(ends), group);
}

Task<void> VolumeRefresher::rounds() {
  while (true) {
    co_await async::sleepFor(shared_.options.pods.refresh_volumes);
    for (const auto& [uid, entry] : entries_) {
      if (entry.running) queue_.add(uid);
    }
  }
}

Task<void> VolumeRefresher::work() {
  while (true) {
    const std::optional<std::string> uid = co_await queue_.get();
    if (!uid) co_return;
    Task<Status> task = refresh(*uid);
    const Status done = co_await async::withDeadline(std::move(task), kRefreshDeadline, "volumes of pod " + *uid);
    // What failed comes again with the next round.
    if (!done) log::debug("volumes of pod {}: {}", *uid, done.error().message);
    queue_.forget(*uid);
    queue_.done(*uid);
  }
}

Task<Status> VolumeRefresher::refresh(std::string uid) {
  const std::vector<kube::ObjectPtr> found = shared_.pods.byIndex("uid", uid);
  if (found.empty() || !link_.connected()) co_return Status();
  const kube::ObjectPtr pod = found.front();
  if (kube::find(*pod, {"metadata", "deletionTimestamp"}) != nullptr) co_return Status();
  kube::Object copy = withFileVolumes(*pod);
  if (kube::items(copy, {"spec", "volumes"}).empty()) co_return Status();
  pod::PlanOptions options = shared_.options.pods.plan;
  if (const kube::ObjectPtr node = shared_.nodes.get(std::string(kube::text(*pod, {"spec", "nodeName"})))) {
    options.node = *node;
  }
  const Result<std::vector<site::v1::Volume>> volumes =
      co_await pod::buildVolumes(std::move(copy), source_, std::move(options));
  const auto entry = entries_.find(uid);
  if (entry == entries_.end() || !entry->second.running) co_return Status();
  if (!volumes) {
    // Missing or refused: the containers keep what they have.
    const bool passing = volumes.error().is(Code::ServiceUnavailable) || volumes.error().is(Code::Timeout) ||
                         volumes.error().is(Code::TooManyRequests);
    if (!passing) tell(*pod, entry->second, volumes.error().message);
    co_return failure(volumes.error());
  }
  entry->second.trouble.clear();
  site::v1::UpdateVolumesRequest request;
  request.set_pod_uid(uid);
  Hashes hashes;
  for (const site::v1::Volume& volume : *volumes) {
    std::string hash = hashOf(volume);
    const auto before = entry->second.pushed.find(volume.name());
    if (before != entry->second.pushed.end() && before->second == hash) continue;
    hashes[volume.name()] = std::move(hash);
    *request.add_volumes() = volume;
  }
  if (hashes.empty()) co_return Status();
  co_return co_await push(uid, std::move(request), std::move(hashes));
}

Task<Status> VolumeRefresher::push(std::string uid, site::v1::UpdateVolumesRequest request, Hashes hashes) {
  const Result<site::v1::UpdateVolumesResponse> answer =
      co_await link_.call<site::v1::UpdateVolumesResponse>(kUpdateVolumes, std::move(request), kPushDeadline);
  if (!answer) co_return failure(answer.error());
  ++shared_.counters.volume_updates;
  const auto entry = entries_.find(uid);
  // Stopped meanwhile: what it begins with next time is its plan.
  if (entry == entries_.end() || !entry->second.running) co_return Status();
  for (auto& [name, hash] : hashes) entry->second.pushed[name] = std::move(hash);
  co_return Status();
}

void VolumeRefresher::tell(const kube::Object& pod, Entry& entry, const std::string& message) {
  if (entry.trouble == message) return;
  entry.trouble = message;
  const std::string whole = fmt::format("MountVolume.SetUp failed, the containers keep what they have: {}", message);
  shared_.events.record(kube::ObjectReference::of(pod, kube::kPods), true, "FailedMount", whole);
}

}  // namespace slipway::bridge
