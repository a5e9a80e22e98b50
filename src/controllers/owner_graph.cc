#include "controllers/owner_graph.h"

#include "async/event.h"
#include "base/log.h"

namespace slipway::controllers {
namespace {

using namespace std::chrono_literals;
using kube::Object;

constexpr auto kLongestSync = 30s;
constexpr const char* kByOwner = "owner";

/// Events own nothing and end by themselves; there are more of them than of all the rest.
bool isWatched(const ApiResource& served) {
  return served.resource.plural != "events" ||
         (!served.resource.group.empty() && served.resource.group != "events.k8s.io");
}

bool keepGraphMetadata(Object& object) {
  Object kept;
  if (auto* metadata = object.if_contains("metadata"); metadata != nullptr && metadata->is_object()) {
    for (const char* name :
         {"name", "namespace", "uid", "resourceVersion", "ownerReferences", "finalizers", "deletionTimestamp"}) {
      if (auto* value = metadata->get_object().if_contains(name)) kept[name] = std::move(*value);
    }
  }
  object = Object{{"metadata", std::move(kept)}};
  return true;
}

std::vector<std::string> ownerUids(const Object& object) {
  std::vector<std::string> uids;
  for (OwnerReference& owner : ownersOf(object)) uids.push_back(std::move(owner.uid));
  return uids;
}

kube::InformerOptions graphOptions() {
  kube::InformerOptions options;
  options.transform = keepGraphMetadata;
  options.page_size = 1000;
  return options;
}

}  // namespace

struct OwnerGraph::Monitor {
  Monitor(Executor executor, kube::Client& client, kube::Resource served, Random& random)
      : resource(std::move(served)), informer(client, resource, graphOptions(), random), group(executor) {}

  bool ready() const { return informer.synced() || std::chrono::steady_clock::now() - began > kLongestSync; }

  kube::Resource resource;
  kube::Informer informer;
  SteadyTime began = std::chrono::steady_clock::now();
  async::TaskGroup group;
};

OwnerGraph::OwnerGraph(Executor executor, kube::Client& client, Random& random, Changed changed)
    : executor_(std::move(executor)), client_(client), random_(random), changed_(std::move(changed)) {}

OwnerGraph::~OwnerGraph() = default;

Task<void> OwnerGraph::setResources(Discovered discovered) {
  discovered_ = std::move(discovered);
  std::map<std::string, kube::Resource> wanted;
  for (const ApiResource& served : discovered_.preferred({"list", "watch", "delete"})) {
    if (isWatched(served)) wanted.emplace(kindId(served.resource), served.resource);
  }
  std::vector<std::unique_ptr<Monitor>> ended;
  for (auto it = monitors_.begin(); it != monitors_.end();) {
    const kube::Resource& resource = it->second->resource;
    const bool unknown = std::any_of(discovered_.gaps.begin(), discovered_.gaps.end(),
                                     [&](const Discovered::Gap& gap) { return gap.group == resource.group; });
    const auto found = wanted.find(it->first);
    const bool same = found != wanted.end() && found->second == resource;
    if (same || (found == wanted.end() && unknown)) {
      ++it;
      continue;
    }
    ended.push_back(std::move(it->second));
    it = monitors_.erase(it);
  }
  for (const auto& [id, resource] : wanted) {
    if (!monitors_.contains(id)) addMonitor(resource);
  }
  for (const auto& monitor : ended) co_await monitor->group.stop();
}

void OwnerGraph::addMonitor(const kube::Resource& resource) {
  auto monitor = std::make_unique<Monitor>(executor_, client_, resource, random_);
  const std::string kind = kindId(resource);
  monitor->informer.addIndex(kByOwner, ownerUids);
  const auto tell = [this, kind](const kube::ObjectPtr& before, const kube::ObjectPtr& after) {
    changed_({kind, kube::key(after != nullptr ? *after : *before)}, before, after);
  };
  monitor->informer.addHandler({.added = [tell](const kube::ObjectPtr& object) { tell(nullptr, object); },
                                .updated = tell,
                                .deleted = [tell](const kube::ObjectPtr& object) { tell(object, nullptr); }});
  monitor->group.spawn("garbage collector " + kind, monitor->informer.run());
  monitors_[kind] = std::move(monitor);
}

Task<void> OwnerGraph::stop() {
  for (const auto& [kind, monitor] : monitors_) monitor->group.cancel();
  for (const auto& [kind, monitor] : monitors_) co_await monitor->group.stop();
  monitors_.clear();
}

bool OwnerGraph::complete() const {
  return std::all_of(monitors_.begin(), monitors_.end(), [](const auto& entry) { return entry.second->ready(); });
}

Task<void> OwnerGraph::waitComplete() {
  while (!complete()) co_await async::sleepFor(20ms);
}

kube::ObjectPtr OwnerGraph::find(const ObjectId& id) const {
  const auto monitor = monitors_.find(id.kind);
  return monitor == monitors_.end() ? nullptr : monitor->second->informer.get(id.key);
}

std::vector<ObjectId> OwnerGraph::dependents(const std::string& uid, const std::string& ns) const {
  std::vector<ObjectId> found;
  for (const auto& [kind, monitor] : monitors_) {
    for (const kube::ObjectPtr& object : monitor->informer.byIndex(kByOwner, uid)) {
      if (ns.empty() || kube::nameSpace(*object) == ns) found.push_back({kind, kube::key(*object)});
    }
  }
  return found;
}

const kube::Resource* OwnerGraph::resourceOf(const std::string& api_version, const std::string& kind) const {
  const ApiResource* served = discovered_.findKind(api_version, kind);
  return served == nullptr ? nullptr : &served->resource;
}

const kube::Resource* OwnerGraph::resourceOf(const ObjectId& id) const {
  const auto monitor = monitors_.find(id.kind);
  return monitor == monitors_.end() ? nullptr : &monitor->second->resource;
}

}  // namespace slipway::controllers
