// What the garbage collector writes: deletions, owner references, finalizers. Each write names the version that it was
// decided from.
#include "base/log.h"
#include "controllers/garbage_collector.h"

namespace slipway::controllers {

using kube::Object;

Task<Result<Object>> GarbageCollector::get(ObjectId id) {
  const kube::Resource* known = graph_.resourceOf(id);
  if (known == nullptr) co_return failure(Code::NotFound, "{}: the kind is not served any more", id.str());
  const kube::Resource resource = *known;
  co_return co_await client_.get(resource, id.ns(), id.name());
}

Task<Status> GarbageCollector::remove(ObjectId id, Object live, std::string propagation) {
  const kube::Resource* known = graph_.resourceOf(id);
  kube::DeleteOptions options;
  options.uid = std::string(kube::uid(live));
  options.resource_version = std::string(kube::resourceVersion(live));
  options.propagation = propagation;
  // Without a name the whole collection would go.
  if (known == nullptr || id.name().empty() || options.uid.empty()) co_return Status();
  const kube::Resource resource = *known;
  const auto removed = co_await client_.remove(resource, id.ns(), id.name(), std::move(options));
  if (!removed && !removed.error().is(Code::NotFound)) co_return failure(removed.error());
  log::debug("garbage collector: {} deleted, {}", id.str(), propagation);
  co_return Status();
}

Task<Status> GarbageCollector::patchOwners(ObjectId id, Object live, kube::json::array references) {
  const kube::Resource* known = graph_.resourceOf(id);
  if (known == nullptr) co_return Status();
  const kube::Resource resource = *known;
  Object patch{{"metadata",
                {{"uid", kube::uid(live)},
                 {"resourceVersion", kube::resourceVersion(live)},
                 {"ownerReferences", std::move(references)}}}};
  const auto patched = co_await client_.patch(resource, id.ns(), id.name(), kube::PatchType::Merge, std::move(patch));
  if (!patched && !patched.error().is(Code::NotFound)) co_return failure(patched.error());
  co_return Status();
}

Task<Status> GarbageCollector::forgetOwner(ObjectId dependent, std::string uid) {
  const Result<Object> live = co_await get(dependent);
  if (!live && live.error().is(Code::NotFound)) co_return Status();
  if (!live) co_return failure(live.error());
  kube::json::array kept;
  bool found = false;
  for (const auto& reference : kube::items(*live, {"metadata", "ownerReferences"})) {
    if (reference.is_object() && kube::text(reference.get_object(), {"uid"}) == uid) {
      found = true;
    } else {
      kept.push_back(reference);
    }
  }
  if (!found) co_return Status();
  co_return co_await patchOwners(std::move(dependent), *live, std::move(kept));
}

Task<Status> GarbageCollector::dropFinalizer(ObjectId id, std::string uid, std::string finalizer) {
  const Result<Object> live = co_await get(id);
  if (!live && live.error().is(Code::NotFound)) co_return Status();
  if (!live) co_return failure(live.error());
  if (kube::uid(*live) != uid || !hasFinalizer(*live, finalizer)) co_return Status();
  const kube::Resource* known = graph_.resourceOf(id);
  if (known == nullptr) co_return Status();
  const kube::Resource resource = *known;
  kube::json::array kept;
  for (const auto& value : kube::items(*live, {"metadata", "finalizers"})) {
    if (!value.is_string() || std::string_view(value.get_string()) != finalizer) kept.push_back(value);
  }
  Object patch{
      {"metadata", {{"uid", uid}, {"resourceVersion", kube::resourceVersion(*live)}, {"finalizers", std::move(kept)}}}};
  const auto patched = co_await client_.patch(resource, id.ns(), id.name(), kube::PatchType::Merge, std::move(patch));
  if (!patched && !patched.error().is(Code::NotFound)) co_return failure(patched.error());
  co_return Status();
}

}  // namespace slipway::controllers
