#include "controllers/garbage_collector.h"

#include "async/deadline.h"
#include "base/log.h"

namespace slipway::controllers {
namespace {

using namespace std::chrono_literals;
using kube::Object;

constexpr size_t kMostAbsent = 2000;

/// A 404 can be about the object or about the path. Only the former says that an owner is gone.
bool saysObjectIsGone(const Error& error) {
  return error.is(Code::NotFound) && error.message.find("could not find the requested resource") == std::string::npos &&
         error.message.find("page not found") == std::string::npos;
}

std::string absentKey(const OwnerReference& owner, const std::string& ns) {
  return fmt::format("{} {} {}/{} {}", owner.api_version, owner.kind, ns, owner.name, owner.uid);
}

}  // namespace

GarbageCollector::GarbageCollector(Executor executor, kube::Client& client, Random& random, ResourceDiscovery discover,
                                   GarbageCollectorOptions options)
    : executor_(executor),
      client_(client),
      discover_(std::move(discover)),
      options_(options),
      graph_(executor, client, random,
             [this](const ObjectId& id, const kube::ObjectPtr& before, const kube::ObjectPtr& after) {
               onChange(id, before, after);
             }),
      loop_("garbage collector", executor, random,
            [this](const std::string& key) { return reconcile(ObjectId::parse(key)); }, {.workers = options.workers}) {}

Task<void> GarbageCollector::run() {
  std::exception_ptr cancelled;
  try {
    co_await runTogether(executor_, tasksOf(task("garbage collector discovery", followDiscovery()),
                                            task("garbage collector", loop_.run())));
  } catch (const boost::system::system_error&) {
    cancelled = std::current_exception();
  }
  co_await asio::this_coro::throw_if_cancelled(false);
  co_await graph_.stop();
  if (cancelled) std::rethrow_exception(cancelled);
}

Task<void> GarbageCollector::followDiscovery() {
  while (true) {
    Task<Result<Discovered>> asking = discover_();
    Result<Discovered> discovered = co_await std::move(asking);
    if (discovered) {
      co_await graph_.setResources(std::move(*discovered));
      co_await async::sleepFor(options_.discovery_interval);
    } else {
      log::warn("garbage collector: discovery failed, again soon: {}", discovered.error().message);
      co_await async::sleepFor(std::min<std::chrono::nanoseconds>(options_.discovery_interval, 5s));
    }
  }
}

void GarbageCollector::onChange(const ObjectId& id, const kube::ObjectPtr& before, const kube::ObjectPtr& after) {
  if (before != nullptr) wakeWaitingOwners(*before);
  if (after == nullptr) {
    for (const ObjectId& dependent : graph_.dependents(std::string(kube::uid(*before)), id.ns())) {
      loop_.add(dependent.str());
    }
    return;
  }
  const bool owned = !kube::items(*after, {"metadata", "ownerReferences"}).empty();
  if (owned || awaitsDependents(*after) || awaitsOrphans(*after)) loop_.add(id.str());
}

/// A dependent that is gone, or blocks no more, may have been the last that its owner waits for.
void GarbageCollector::wakeWaitingOwners(const Object& dependent) {
  for (const OwnerReference& owner : ownersOf(dependent)) {
    const kube::Resource* resource = graph_.resourceOf(owner.api_version, owner.kind);
    if (resource == nullptr) continue;
    const std::string ns = resource->namespaced ? std::string(kube::nameSpace(dependent)) + "/" : "";
    const ObjectId id{kindId(*resource), ns + owner.name};
    const kube::ObjectPtr known = graph_.find(id);
    if (known != nullptr && awaitsDependents(*known)) loop_.add(id.str());
  }
}

Task<Result<Outcome>> GarbageCollector::reconcile(ObjectId id) {
  co_await graph_.waitComplete();
  const kube::ObjectPtr object = graph_.find(id);
  if (object == nullptr) co_return Outcome::done();
  if (awaitsOrphans(*object)) co_return co_await orphanDependents(id, object);
  if (awaitsDependents(*object)) co_return co_await finishForeground(id, object);
  if (isBeingDeleted(*object) || allOwnersKnown(*object)) co_return Outcome::done();

  Result<Object> live = co_await get(id);
  if (!live && live.error().is(Code::NotFound)) co_return Outcome::done();
  if (!live) co_return failure(live.error());
  if (kube::uid(*live) != kube::uid(*object) || isBeingDeleted(*live)) co_return Outcome::done();
  const Result<Owners> owners = co_await sortOwners(*live);
  if (!owners && owners.error().is(Code::NotImplemented)) {
    log::debug("garbage collector: {}: {}", id.str(), owners.error().message);
    co_return Outcome::after(1min);
  }
  if (!owners) co_return failure(owners.error());
  co_return co_await settle(std::move(id), std::move(*live), *owners);
}

/// By the caches alone: nothing to ask the server for.
bool GarbageCollector::allOwnersKnown(const Object& object) const {
  const std::vector<OwnerReference> owners = ownersOf(object);
  return std::all_of(owners.begin(), owners.end(), [&](const OwnerReference& owner) {
    const kube::Resource* resource = graph_.resourceOf(owner.api_version, owner.kind);
    if (resource == nullptr) return false;
    const std::string ns = resource->namespaced ? std::string(kube::nameSpace(object)) + "/" : "";
    const kube::ObjectPtr known = graph_.find({kindId(*resource), ns + owner.name});
    return known != nullptr && kube::uid(*known) == owner.uid && !awaitsDependents(*known);
  });
}

Task<Result<GarbageCollector::Owners>> GarbageCollector::sortOwners(Object object) {
  Owners sorted;
  const std::string ns(kube::nameSpace(object));
  for (const OwnerReference& owner : ownersOf(object)) {
    CO_TRY(const Owner state, co_await askOwner(owner, ns));
    if (state == Owner::Solid) sorted.solid.insert(owner.uid);
    if (state == Owner::Absent) sorted.absent.insert(owner.uid);
    if (state == Owner::Waiting) sorted.waiting.insert(owner.uid);
  }
  co_return sorted;
}

Task<Result<GarbageCollector::Owner>> GarbageCollector::askOwner(OwnerReference owner, std::string ns) {
  const kube::Resource* known = graph_.resourceOf(owner.api_version, owner.kind);
  if (known == nullptr) {
    co_return failure(Code::NotImplemented, "owner {}: the server has no kind {} in {}", owner.name, owner.kind,
                      owner.api_version);
  }
  const kube::Resource resource = *known;
  // A cluster-scoped object cannot be owned from within a namespace. Nobody can tell which namespace was meant.
  if (resource.namespaced && ns.empty()) co_return Owner::Solid;
  const std::string where = resource.namespaced ? ns : "";
  if (absent_.contains(absentKey(owner, where))) co_return Owner::Absent;
  const Result<Object> live = co_await client_.get(resource, where, owner.name);
  if (!live && !saysObjectIsGone(live.error())) {
    // Another code than NotFound: the caller must not take it for an answer about its own object.
    co_return failure(live.error().is(Code::NotFound) ? Code::ServiceUnavailable : live.error().code, "{}",
                      live.error().message);
  }
  if (!live || kube::uid(*live) != owner.uid) {
    if (absent_.size() >= kMostAbsent) absent_.clear();
    absent_.insert(absentKey(owner, where));
    co_return Owner::Absent;
  }
  co_return awaitsDependents(*live) ? Owner::Waiting : Owner::Solid;
}

Task<Result<Outcome>> GarbageCollector::settle(ObjectId id, Object live, Owners owners) {
  if (owners.absent.empty() && owners.waiting.empty()) co_return Outcome::done();
  if (!owners.solid.empty()) {
    kube::json::array kept;
    for (const auto& reference : kube::items(live, {"metadata", "ownerReferences"})) {
      if (owners.solid.contains(std::string(kube::text(reference.as_object(), {"uid"})))) kept.push_back(reference);
    }
    CO_TRY_STATUS(co_await patchOwners(id, live, std::move(kept)));
    co_return Outcome::done();
  }
  const std::vector<ObjectId> dependents = graph_.dependents(std::string(kube::uid(live)), id.ns());
  if (!owners.waiting.empty() && !dependents.empty()) {
    const bool in_circle = std::any_of(dependents.begin(), dependents.end(), [&](const ObjectId& dependent) {
      const kube::ObjectPtr known = graph_.find(dependent);
      return known != nullptr && awaitsDependents(*known);
    });
    // Two that wait for each other would wait for ever: this one stops blocking.
    if (in_circle) {
      kube::json::array references = kube::items(live, {"metadata", "ownerReferences"});
      for (auto& reference : references) reference.as_object()["blockOwnerDeletion"] = false;
      CO_TRY_STATUS(co_await patchOwners(id, live, std::move(references)));
      co_return Outcome::retry();
    }
    CO_TRY_STATUS(co_await remove(id, live, "Foreground"));
    co_return Outcome::done();
  }
  std::string propagation = "Background";
  if (hasFinalizer(live, kOrphan)) {
    propagation = "Orphan";
  } else if (hasFinalizer(live, kForegroundDeletion)) {
    propagation = "Foreground";
  }
  CO_TRY_STATUS(co_await remove(id, live, propagation));
  co_return Outcome::done();
}

Task<Result<Outcome>> GarbageCollector::finishForeground(ObjectId id, kube::ObjectPtr object) {
  const std::string uid(kube::uid(*object));
  bool blocked = false;
  for (const ObjectId& dependent : graph_.dependents(uid, id.ns())) {
    const kube::ObjectPtr known = graph_.find(dependent);
    if (known == nullptr) continue;
    for (const OwnerReference& owner : ownersOf(*known)) {
      if (owner.uid == uid && owner.blocks_deletion) blocked = true;
    }
    if (!awaitsDependents(*known)) loop_.add(dependent.str());
  }
  if (blocked) co_return Outcome::done();
  CO_TRY_STATUS(co_await dropFinalizer(id, uid, std::string(kForegroundDeletion)));
  co_return Outcome::done();
}

Task<Result<Outcome>> GarbageCollector::orphanDependents(ObjectId id, kube::ObjectPtr object) {
  const std::string uid(kube::uid(*object));
  for (const ObjectId& dependent : graph_.dependents(uid, id.ns())) CO_TRY_STATUS(co_await forgetOwner(dependent, uid));
  CO_TRY_STATUS(co_await dropFinalizer(id, uid, std::string(kOrphan)));
  co_return Outcome::done();
}

}  // namespace slipway::controllers
