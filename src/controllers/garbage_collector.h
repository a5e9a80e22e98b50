#pragma once

#include <set>
#include <string>

#include "controllers/keyed_loop.h"
#include "controllers/owner_graph.h"

namespace slipway::controllers {

struct GarbageCollectorOptions {
  size_t workers = 8;
  std::chrono::nanoseconds discovery_interval = std::chrono::seconds(30);  ///< how soon a new kind is known
};

/// Deletes objects whose owners are all gone, finishes foreground deletions and lets orphans go, as
/// kube-controller-manager does.
///
/// What its caches say is only a hint: before anything is deleted, the object and each owner that seems to be missing
/// are asked for, and the deletion carries the object's uid and resourceVersion. An owner of a kind that the server
/// does not know, or that cannot be asked for, counts as there. Life cycle: run() until cancelled; the client must
/// outlive it and may be one that sees metadata only.
class GarbageCollector {
 public:
  GarbageCollector(Executor executor, kube::Client& client, Random& random, ResourceDiscovery discover,
                   GarbageCollectorOptions options = {});
  Task<void> run();

 private:
  /// Where an owner stands.
  enum class Owner {
    Solid,    ///< there, and not waiting for its dependents
    Absent,   ///< the server says so: no such object, or one of another uid
    Waiting,  ///< being deleted in the foreground: it goes when its dependents are gone
  };
  /// An object's owners, sorted by where they stand; by uid.
  struct Owners {
    std::set<std::string> solid;
    std::set<std::string> absent;
    std::set<std::string> waiting;
  };
  void onChange(const ObjectId& id, const kube::ObjectPtr& before, const kube::ObjectPtr& after);
  void wakeWaitingOwners(const kube::Object& dependent);
  Task<void> followDiscovery();

  Task<Result<Outcome>> reconcile(ObjectId id);
  bool allOwnersKnown(const kube::Object& object) const;
  Task<Result<Owners>> sortOwners(kube::Object object);
  Task<Result<Owner>> askOwner(OwnerReference owner, std::string ns);
  /// Deletes the object, takes its lost owners out, or leaves it alone.
  Task<Result<Outcome>> settle(ObjectId id, kube::Object live, Owners owners);
  Task<Status> remove(ObjectId id, kube::Object live, std::string propagation);
  Task<Result<Outcome>> finishForeground(ObjectId id, kube::ObjectPtr object);
  Task<Result<Outcome>> orphanDependents(ObjectId id, kube::ObjectPtr object);
  Task<Status> forgetOwner(ObjectId dependent, std::string uid);

  Task<Result<kube::Object>> get(ObjectId id);
  Task<Status> patchOwners(ObjectId id, kube::Object live, kube::json::array references);
  Task<Status> dropFinalizer(ObjectId id, std::string uid, std::string finalizer);

  Executor executor_;
  kube::Client& client_;
  ResourceDiscovery discover_;
  GarbageCollectorOptions options_;
  OwnerGraph graph_;
  KeyedLoop loop_;
  std::set<std::string> absent_;  ///< owners that were asked for and are not there; a uid never comes back
};

}  // namespace slipway::controllers
