#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "async/task_group.h"
#include "base/clock.h"
#include "controllers/object_id.h"
#include "controllers/resource_discovery.h"
#include "kube/informer.h"

namespace slipway::controllers {

/// Who owns whom, over all kinds that can be listed, watched and deleted: the metadata of every object, by one informer
/// for each kind. Kinds come and go with setResources().
///
/// Life cycle: setResources() as often as wished; stop() before the end. The client must outlive it.
class OwnerGraph {
 public:
  /// Called on the loop. `before` is null when the object is new, `after` when it is gone.
  using Changed = std::function<void(const ObjectId& id, const kube::ObjectPtr& before, const kube::ObjectPtr& after)>;
  OwnerGraph(Executor executor, kube::Client& client, Random& random, Changed changed);
  ~OwnerGraph();

  /// Watches what is listed there, and forgets kinds that are not served any more. Kinds of groups that could not be
  /// asked are kept.
  Task<void> setResources(Discovered discovered);
  Task<void> stop();

  /// Whether all objects of all kinds are known. A kind that still cannot be listed 30 s after it came is not waited
  /// for.
  bool complete() const;
  Task<void> waitComplete();

  kube::ObjectPtr find(const ObjectId& id) const;
  /// Objects that name `uid` as an owner. An owner with a namespace owns in its namespace only.
  std::vector<ObjectId> dependents(const std::string& uid, const std::string& ns) const;
  /// Where objects of a kind are served; null for a kind that the server does not know.
  const kube::Resource* resourceOf(const std::string& api_version, const std::string& kind) const;
  const kube::Resource* resourceOf(const ObjectId& id) const;
  size_t kinds() const { return monitors_.size(); }

 private:
  struct Monitor;
  void addMonitor(const kube::Resource& resource);

  Executor executor_;
  kube::Client& client_;
  Random& random_;
  Changed changed_;
  Discovered discovered_;
  std::map<std::string, std::unique_ptr<Monitor>> monitors_;  ///< by kindId()
};

}  // namespace slipway::controllers
