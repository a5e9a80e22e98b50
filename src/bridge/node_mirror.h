#pragma once

#include <unordered_map>

#include "async/work_queue.h"
#include "bridge/counters.h"
#include "bridge/node_object.h"
#include "bridge/port_allocator.h"
#include "kube/event_recorder.h"
#include "kube/informer.h"
#include "kube/lease_keeper.h"

namespace slipway::bridge {

/// What all clusters of a controller share; made once by Bridge, outlives the mirrors.
struct Shared {
  kube::Client& client;
  const Clock& clock;
  Random& random;
  const BridgeOptions& options;
  kube::Informer& nodes;
  kube::Informer& pods;
  kube::EventRecorder& events;
  kube::LeaseKeeper& leases;
  PortBook* ports;
  Counters& counters;
};

/// Shows the nodes of one Slurm cluster as Kubernetes Nodes (design 4.2).
///
/// enqueue() a name whenever its Slurm node or its Node object changed; run() works until cancelled. A Node that
/// carries another cluster's label, or none, is never touched. Leases are renewed for every Node of ours as long as
/// this process lives, also while the agent is away: then the Node says so itself (Ready=Unknown), and nothing is
/// evicted.
class NodeMirror {
 public:
  NodeMirror(Executor executor, Shared& shared, NodeCatalog& catalog, const Inventory& inventory, std::string cluster);

  void enqueue(const std::string& kube_name) { queue_.add(kube_name); }
  /// The agent or Slurm came or went: all Nodes are looked at again, one write each.
  void setSite(const SiteState& before, const SiteState& now);
  Task<void> run();
  bool idle() const { return queue_.idle(); }

 private:
  Task<void> work();
  Task<Status> reconcile(std::string name);
  Task<Status> create(NodeView view);
  Task<Status> nameTaken(std::string name);
  Task<Status> change(kube::ObjectPtr node, NodeChanges changes);
  Task<Status> gone(kube::ObjectPtr node);
  NodeContext context(const std::string& name);
  bool isOurs(const kube::Object& node) const;
  void tell(const SiteState& before, const SiteState& now, const std::vector<kube::ObjectPtr>& nodes);

  Shared& shared_;
  NodeCatalog& catalog_;
  const Inventory& inventory_;
  std::string cluster_;
  SiteState site_;
  std::unordered_map<std::string, SteadyTime> gone_since_;
  async::WorkQueue<std::string> queue_;
};

}  // namespace slipway::bridge
