#include "controllers/pod_gc.h"

#include <map>

#include "base/log.h"

namespace slipway::controllers {
namespace {

using kube::Object;

bool hasEnded(const Object& pod) {
  const std::string_view phase = kube::text(pod, {"status", "phase"});
  return phase == "Succeeded" || phase == "Failed";
}

}  // namespace

PodGc::PodGc(kube::Client& client, SharedInformers& informers, const Clock& clock, PodGcOptions options)
    : client_(client),
      clock_(clock),
      options_(options),
      pods_(informers.of(kube::kPods)),
      nodes_(informers.of(kube::kNodes)) {}

Task<void> PodGc::run() {
  co_await nodes_.waitSynced();
  co_await pods_.waitSynced();
  while (true) {
    co_await sweep();
    co_await async::sleepFor(options_.interval);
  }
}

Task<void> PodGc::sweep() {
  std::map<std::string, std::vector<kube::ObjectPtr>> homeless;
  std::vector<kube::ObjectPtr> never_bound;
  for (const auto& [key, pod] : pods_.all()) {
    const std::string node(kube::text(*pod, {"spec", "nodeName"}));
    if (!node.empty() && nodes_.get(node) == nullptr) homeless[node].push_back(pod);
    // With a grace of 0 it is its finalizers that hold it, and no deletion helps.
    const bool deleted = kube::find(*pod, {"metadata", "deletionTimestamp"}) != nullptr;
    const bool at_once = kube::integer(*pod, {"metadata", "deletionGracePeriodSeconds"}) == 0;
    if (node.empty() && deleted && !at_once) never_bound.push_back(pod);
  }
  std::erase_if(missing_, [&](const auto& entry) { return !homeless.contains(entry.first); });
  for (const kube::ObjectPtr& pod : never_bound) co_await end(pod, false);
  for (const auto& [node, pods] : homeless) {
    const SteadyTime since = missing_.try_emplace(node, clock_.steady()).first->second;
    if (clock_.steady() - since < options_.grace) continue;
    const bool gone = co_await isGone(node);
    if (!gone) continue;
    for (const kube::ObjectPtr& pod : pods) co_await end(pod, true);
  }
}

Task<bool> PodGc::isGone(std::string node) {
  const auto live = co_await client_.get(kube::kNodes, "", node);
  co_return !live && live.error().is(Code::NotFound);
}

Task<void> PodGc::end(kube::ObjectPtr pod, bool mark) {
  const std::string ns(kube::nameSpace(*pod));
  const std::string name(kube::name(*pod));
  if (mark && !hasEnded(*pod)) {
    Object condition{{"type", "DisruptionTarget"},
                     {"status", "True"},
                     {"reason", "DeletionByPodGC"},
                     {"message", "PodGC: node no longer exists"},
                     {"lastTransitionTime", formatTime(clock_.now())}};
    Object patch{{"metadata", {{"uid", kube::uid(*pod)}}},
                 {"status", {{"phase", "Failed"}, {"conditions", kube::json::array{std::move(condition)}}}}};
    const auto marked =
        co_await client_.patch(kube::kPods, ns, name, kube::PatchType::StrategicMerge, std::move(patch), "status");
    if (!marked) {
      if (!marked.error().is(Code::NotFound)) log::warn("pod {}/{}: {}", ns, name, marked.error().message);
      co_return;
    }
  }
  kube::DeleteOptions options;
  options.grace_seconds = 0;
  options.uid = std::string(kube::uid(*pod));
  const auto removed = co_await client_.remove(kube::kPods, ns, name, std::move(options));
  if (!removed && !removed.error().is(Code::NotFound)) {
    log::warn("pod {}/{}: {}", ns, name, removed.error().message);
    co_return;
  }
  if (mark) {
    log::info("pod {}/{}: node {} no longer exists, pod deleted", ns, name, kube::text(*pod, {"spec", "nodeName"}));
  }
}

}  // namespace slipway::controllers
