#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "bridge/inventory.h"
#include "bridge/options.h"

namespace slipway::bridge {

/// One Kubernetes Node as it is to be shown: a Slurm node, or the sum of many.
struct NodeView {
  std::string name;        ///< in Kubernetes
  std::string slurm_node;  ///< one-to-one only
  std::string partition;   ///< per-partition only
  site::v1::Node node;     ///< sums, where it stands for many
};

/// Which Kubernetes Node stands for which Slurm node. Names are RFC 1123 labels; when two Slurm names would become the
/// same, the later one gets a hash at its end, and keeps it over restarts by what the Node objects say (remember()).
class NodeCatalog {
 public:
  NodeCatalog(NodeMode mode, std::string cluster) : mode_(mode), cluster_(std::move(cluster)) {}

  void remember(const std::string& kube_name, const std::string& slurm_node);
  void forget(const std::string& kube_name);

  /// The Kubernetes Nodes to look at when this Slurm node came, changed or went.
  std::vector<std::string> affected(const std::string& slurm_node, const Inventory& inventory);
  /// The Kubernetes Node of a job's or pod's host; `partition` is the job's.
  std::string kubeName(const std::string& slurm_node, const std::string& partition);
  /// Nothing when no Slurm node stands behind the name.
  std::optional<NodeView> view(const std::string& kube_name, const Inventory& inventory) const;

 private:
  std::string nameOf(const std::string& slurm_node);
  NodeView sum(const std::string& kube_name, const std::vector<const site::v1::Node*>& parts) const;

  NodeMode mode_;
  std::string cluster_;
  std::map<std::string, std::string> slurm_by_kube_;
  std::map<std::string, std::string> kube_by_slurm_;
};

/// What Slurm's state of a node means for Kubernetes.
struct NodeHealth {
  bool ready = false;
  bool drained = false;  ///< no new work
  std::string reason;    ///< CamelCase
  std::string message;
};
NodeHealth healthOf(const site::v1::Node& node);

}  // namespace slipway::bridge
