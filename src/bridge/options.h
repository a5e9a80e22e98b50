#pragma once

#include <chrono>
#include <set>
#include <string>
#include <vector>

#include "async/backoff.h"
#include "kube/lease_keeper.h"
#include "pod/plan.h"

namespace slipway::bridge {

/// What a Kubernetes Node stands for.
enum class NodeMode {
  OneToOne,      ///< a Slurm node
  PerPartition,  ///< a partition; Slurm picks the host
  Cluster,       ///< the whole cluster; Slurm picks partition and host
};

struct NodeOptions {
  NodeMode mode = NodeMode::OneToOne;
  bool taint = true;
  std::string taint_key = "slipway.dev/slurm";
  std::string taint_value;
  std::string taint_effect = "NoSchedule";
  std::string address;      ///< where the kubelet API listens: the Nodes' InternalIP
  uint16_t first_port = 0;  ///< of the range with one port for each Node; 0: no kubelet API
  uint16_t last_port = 0;
  int64_t max_pods = 110;
  std::chrono::nanoseconds removal_grace = std::chrono::minutes(5);  ///< a Node that left Slurm goes after this
  /// A tunnel that comes back within this time changes nothing on any Node.
  std::chrono::nanoseconds disconnect_grace = std::chrono::seconds(20);
};

struct MirrorOptions {
  bool enabled = true;
  std::set<std::string> partitions;                 ///< empty: all
  std::string namespace_template = "slipway-jobs";  ///< may hold {account}, {user}, {partition}, {cluster}
};

struct PodOptions {
  std::set<std::string> namespaces;  ///< empty: all but `denied_namespaces`
  std::set<std::string> denied_namespaces = {"kube-system", "kube-public", "kube-node-lease"};
  /// Pods get tolerations without an end for not-ready and unreachable Nodes, so that an agent's absence evicts
  /// nothing.
  bool outlive_outages = true;
  std::chrono::nanoseconds outlive_after = std::chrono::minutes(1);  ///< without a change, while the agent is there
  std::chrono::nanoseconds orphan_delay = std::chrono::seconds(15);  ///< a report without a Pod is cancelled after it
  std::chrono::nanoseconds submit_deadline = std::chrono::seconds(60);
  std::chrono::nanoseconds cancel_deadline = std::chrono::seconds(30);
  std::chrono::nanoseconds cancel_again = std::chrono::seconds(30);  ///< asked again when no report follows
  /// After connecting, pods that were submitted before wait so long for their report before they are submitted again
  /// (which is harmless, but costs).
  std::chrono::nanoseconds report_patience = std::chrono::seconds(5);
  /// Mounted ConfigMaps and Secrets of running pods are compared so often: changes are to be there within a minute.
  std::chrono::nanoseconds refresh_volumes = std::chrono::seconds(45);
  std::chrono::nanoseconds keep_fetched = std::chrono::seconds(5);  ///< answers for what pods refer to
  async::BackoffPolicy refused = {.initial = std::chrono::seconds(10), .max = std::chrono::minutes(5)};
  pod::PlanOptions plan;
};

struct BridgeOptions {
  NodeOptions nodes;
  MirrorOptions mirror;
  PodOptions pods;
  kube::LeaseOptions leases;
  std::string version;  ///< shown as kubeletVersion
  size_t node_workers = 16;
  size_t job_workers = 32;
  size_t pod_workers = 32;
  async::BackoffPolicy retry = {.initial = std::chrono::milliseconds(200), .max = std::chrono::minutes(1)};
  async::BackoffPolicy watch_retry;                                       ///< of the informers
  std::chrono::nanoseconds inventory_timeout = std::chrono::seconds(35);  ///< updates come at least every 10 s
};

}  // namespace slipway::bridge
