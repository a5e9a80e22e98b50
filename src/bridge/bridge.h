#pragma once

#include <map>
#include <memory>

#include "bridge/site_session.h"
#include "tunnel/endpoint.h"

namespace slipway::bridge {

/// The controller's work: Nodes, mirrored jobs and Pods of any number of Slurm clusters, each behind an agent that
/// dials up. Two watches (Nodes of ours, Pods), whatever the number of nodes.
///
/// Life cycle: run() once, until cancelled; serve() for each tunnel, for example from tunnel::AcceptingEnd. Clusters
/// are told apart by the agent's Hello; as long as one agent is connected, another certificate cannot claim its
/// cluster. Runs on one loop; borrows client, clock and random.
class Bridge {
 public:
  Bridge(Executor executor, kube::Client& client, const Clock& clock, Random& random, BridgeOptions options);
  ~Bridge();

  Task<void> run();
  /// The life of one tunnel; returns when it broke or was refused.
  Task<void> serve(tunnel::OpenTunnel tunnel);

  /// The copies of Nodes and Pods are complete.
  bool ready() const { return nodes_.synced() && pods_.synced(); }
  size_t connectedSites() const;
  /// Counters in Prometheus text form.
  std::string metrics() const;

  /// Before run(): who gives Nodes their ports; without it they come from the configured range and nothing listens.
  void usePorts(PortBook& ports) { shared_.ports = &ports; }
  const kube::Informer& nodes() const { return nodes_; }
  const kube::Informer& pods() const { return pods_; }
  /// The cluster of a Node of ours; null for others.
  const SiteSession* sessionOfNode(const std::string& node) const;
  const Counters& counters() const { return counters_; }

 private:
  Task<void> startAfterNodes();
  SiteSession& session(const std::string& cluster);
  SiteSession* sessionOf(const kube::Object& node);
  void watchNodes();
  void watchPods();
  bool trim(kube::Object& pod) const;
  enum class Change {
    Present,  ///< new or changed
    Deleted,  ///< the watch said so
    Missing,  ///< a new list does not have it: deleted unseen, or the API server has lost it
  };
  void route(const kube::ObjectPtr& pod, Change change);

  struct Site {
    std::unique_ptr<SiteSession> session;
    std::string fingerprint;  ///< of the connected agent's certificate
    std::string agent_id;     ///< of its state directory; empty: an agent that has none yet
  };

  Executor executor_;
  BridgeOptions options_;
  Counters counters_;
  PortAllocator ports_;
  kube::Informer nodes_;
  kube::Informer pods_;
  kube::EventRecorder events_;
  kube::LeaseKeeper leases_;
  Shared shared_;
  std::map<std::string, Site> sites_;
  async::TaskGroup group_;
};

}  // namespace slipway::bridge
