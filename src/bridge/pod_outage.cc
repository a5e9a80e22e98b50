// An agent's absence evicts nothing.
#include <algorithm>

#include "bridge/pod_patches.h"
#include "bridge/pod_runner.h"

namespace slipway::bridge {

Task<Status> PodRunner::outliveOutages(kube::ObjectPtr pod) {
  const std::string uid(kube::uid(*pod));
  const site::v1::PodReport* known = report(uid);
  if (!shared_.options.pods.outlive_outages || known == nullptr) co_return Status();
  kube::Object patch = outagePatch(*pod);
  if (patch.empty()) co_return Status();
  Entry& entry = entries_[uid];
  const int64_t generation = kube::integer(*pod, {"metadata", "generation"});
  if (entry.generation != 0 && entry.generation != generation) entry.changed_at = shared_.clock.now();
  entry.generation = generation;
  const Result<WallTime> created = parseTime(kube::text(*pod, {"metadata", "creationTimestamp"}));
  if (link_.connected() && created) {
    const WallTime since = std::max(*created, entry.changed_at.value_or(*created));
    const auto left = since + shared_.options.pods.outlive_after - shared_.clock.now();
    if (left > std::chrono::nanoseconds(0)) {
      queue_.addAfter(uid, left);
      co_return Status();
    }
  }
  const std::string ns(kube::nameSpace(*pod));
  const std::string name(kube::name(*pod));
  Result<kube::Object> patched = co_await shared_.client.patch(kube::kPods, ns, name, kube::PatchType::Merge,
                                                               kube::json::value(std::move(patch)), "", false);
  if (!patched && patched.error().is(Code::NotFound)) co_return Status();
  if (!patched) co_return failure(patched.error().wrap("tolerations"));
  shared_.pods.observe(std::move(*patched));
  co_return Status();
}

}  // namespace slipway::bridge
