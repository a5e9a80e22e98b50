#pragma once

#include <functional>
#include <map>
#include <string>
#include <unordered_map>
#include <unordered_set>

#include "proto/site.pb.h"

namespace slipway::bridge {

/// The nodes and jobs of one Slurm cluster, as its agent told last. Kept while the agent is away.
///
/// What a snapshot does not hold is gone once the snapshot is complete; but a snapshot without a single node is a
/// failure of somebody's, not the end of the cluster: then nothing is gone. Runs on one loop.
class Inventory {
 public:
  using OnNode = std::function<void(const std::string& name)>;
  using OnJob = std::function<void(uint32_t id)>;
  /// Called for each node and job that came, changed or went. Set before the first apply().
  void subscribe(OnNode on_node, OnJob on_job);

  /// Takes one update in. An update of snapshot parts that never completes takes nothing away.
  void apply(site::v1::SiteUpdate update);

  /// A snapshot was complete once: absence means something.
  bool complete() const { return complete_; }
  /// Null when there is none.
  const site::v1::Node* node(const std::string& name) const;
  const site::v1::Job* job(uint32_t id) const;
  const std::map<std::string, site::v1::Node>& nodes() const { return nodes_; }
  const std::unordered_map<uint32_t, site::v1::Job>& jobs() const { return jobs_; }
  const site::v1::Health& health() const { return health_; }

 private:
  void put(site::v1::Node node);
  void put(site::v1::Job job);
  void finishSnapshot();

  OnNode on_node_;
  OnJob on_job_;
  std::map<std::string, site::v1::Node> nodes_;
  std::unordered_map<uint32_t, site::v1::Job> jobs_;
  site::v1::Health health_;
  bool in_snapshot_ = false;
  bool complete_ = false;
  std::unordered_set<std::string> seen_nodes_;
  std::unordered_set<uint32_t> seen_jobs_;
};

}  // namespace slipway::bridge
