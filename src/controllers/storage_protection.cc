#include "controllers/storage_protection.h"

#include "base/log.h"
#include "controllers/object_id.h"

namespace slipway::controllers {
namespace {

using kube::Object;

constexpr std::string_view kClaimProtection = "kubernetes.io/pvc-protection";
constexpr std::string_view kVolumeProtection = "kubernetes.io/pv-protection";

bool holdsClaim(const Object& pod, std::string_view claim) {
  const std::string_view phase = kube::text(pod, {"status", "phase"});
  if (phase == "Succeeded" || phase == "Failed") return false;
  for (const auto& volume : kube::items(pod, {"spec", "volumes"})) {
    if (!volume.is_object()) continue;
    if (kube::text(volume.get_object(), {"persistentVolumeClaim", "claimName"}) == claim) return true;
    const bool ephemeral = kube::find(volume.get_object(), {"ephemeral"}) != nullptr;
    const std::string name = fmt::format("{}-{}", kube::name(pod), kube::text(volume.get_object(), {"name"}));
    if (ephemeral && name == claim) return true;
  }
  return false;
}

}  // namespace

StorageProtection::StorageProtection(kube::Client& client, SharedInformers& informers,
                                     std::chrono::nanoseconds interval)
    : client_(client),
      interval_(interval),
      claims_(informers.of(kube::kPersistentVolumeClaims)),
      volumes_(informers.of(kube::kPersistentVolumes)) {}

Task<void> StorageProtection::run() {
  co_await claims_.waitSynced();
  co_await volumes_.waitSynced();
  while (true) {
    co_await sweep();
    co_await async::sleepFor(interval_);
  }
}

Task<void> StorageProtection::sweep() {
  std::vector<kube::ObjectPtr> claims, volumes;
  for (const auto& [key, claim] : claims_.all()) {
    if (isBeingDeleted(*claim) && hasFinalizer(*claim, kClaimProtection)) claims.push_back(claim);
  }
  for (const auto& [key, volume] : volumes_.all()) {
    if (isBeingDeleted(*volume) && hasFinalizer(*volume, kVolumeProtection)) volumes.push_back(volume);
  }
  for (const kube::ObjectPtr& claim : claims) {
    const Result<bool> used = co_await isUsed(claim);
    if (used && !*used) co_await release(kube::kPersistentVolumeClaims, claim, std::string(kClaimProtection));
  }
  for (const kube::ObjectPtr& volume : volumes) {
    if (kube::text(*volume, {"status", "phase"}) == "Bound") continue;
    co_await release(kube::kPersistentVolumes, volume, std::string(kVolumeProtection));
  }
}

Task<Result<bool>> StorageProtection::isUsed(kube::ObjectPtr claim) {
  const std::string name(kube::name(*claim));
  Result<kube::List> pods = co_await client_.list(kube::kPods, std::string(kube::nameSpace(*claim)));
  if (!pods) co_return failure(pods.error());
  co_return std::any_of(pods->items.begin(), pods->items.end(),
                        [&](const Object& pod) { return holdsClaim(pod, name); });
}

Task<void> StorageProtection::release(kube::Resource resource, kube::ObjectPtr object, std::string finalizer) {
  kube::json::array kept;
  for (const auto& value : kube::items(*object, {"metadata", "finalizers"})) {
    if (!value.is_string() || std::string_view(value.get_string()) != finalizer) kept.push_back(value);
  }
  Object patch{{"metadata",
                {{"uid", kube::uid(*object)},
                 {"resourceVersion", kube::resourceVersion(*object)},
                 {"finalizers", std::move(kept)}}}};
  const std::string ns(kube::nameSpace(*object)), name(kube::name(*object));
  const auto patched = co_await client_.patch(resource, ns, name, kube::PatchType::Merge, std::move(patch));
  // The next pass tries again with what is there by then.
  if (patched || patched.error().is(Code::NotFound) || patched.error().is(Code::Conflict)) co_return;
  log::warn("{} {}/{}: {}", resource.plural, ns, name, patched.error().message);
}

}  // namespace slipway::controllers
