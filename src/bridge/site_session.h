#pragma once

#include "bridge/api_source.h"
#include "bridge/job_mirror.h"
#include "bridge/pod_runner.h"
#include "bridge/volume_refresher.h"

namespace slipway::bridge {

/// One Slurm cluster: its inventory, its two mirrors and its pod runner. Lives as long as the controller, over any
/// number of tunnels; while the agent is away everything stays as it was.
///
/// Life cycle: run() once, until cancelled; serve() for each tunnel. Runs on the controller's loop.
class SiteSession {
 public:
  SiteSession(Executor executor, Shared& shared, std::string cluster);
  ~SiteSession();

  Task<void> run();
  /// The life of one tunnel: returns when it broke, or when a newer one took its place.
  Task<void> serve(std::shared_ptr<tunnel::Channel> channel, site::v1::HelloResponse hello);

  void nodeAdded(const kube::ObjectPtr& node);
  void nodeChanged(const std::string& name) { nodes_.enqueue(name); }
  void mirrorPodChanged(uint32_t job_id);
  void podChanged(const kube::ObjectPtr& pod);
  bool showsJob(uint32_t job_id, std::string_view ns, std::string_view name) const {
    return jobs_.shows(job_id, ns, name);
  }
  void podGone(const kube::ObjectPtr& pod) { runner_.podGone(*pod); }
  void podMissing(const kube::ObjectPtr& pod) { runner_.podMissing(*pod); }

  const std::string& cluster() const { return cluster_; }
  bool connected() const { return link_.connected(); }
  const SiteLink& link() const { return link_; }
  const Inventory& inventory() const { return inventory_; }
  const NodeCatalog& catalog() const { return catalog_; }
  const PodRunner& runner() const { return runner_; }
  const SiteState& health() const { return health_.shown(); }

 private:
  Task<void> watchInventory(std::shared_ptr<tunnel::Channel> channel, std::shared_ptr<async::Event> broken);
  Task<void> watchPods(std::shared_ptr<tunnel::Channel> channel, std::shared_ptr<async::Event> broken);
  Task<Status> readInventory(std::shared_ptr<tunnel::Channel> channel);
  Task<Status> readPods(std::shared_ptr<tunnel::Channel> channel);
  void noticeHealth();
  void left(const std::shared_ptr<async::Event>& tunnel);
  Task<void> mirrorJobsAfterNodes();
  bool allNodesShown();

  Shared& shared_;
  std::string cluster_;
  NodeCatalog catalog_;
  Inventory inventory_;
  SiteLink link_;
  SiteHealth health_;
  ApiSource source_;
  NodeMirror nodes_;
  JobMirror jobs_;
  VolumeRefresher volumes_;
  PodRunner runner_;
  bool slurm_ok_ = true;
  bool jobs_open_ = false;  ///< the Nodes were there once: jobs are mirrored as they change
  async::Event nodes_came_;
  std::shared_ptr<async::Event> current_;  ///< breaks the present tunnel's serve()
  async::TaskGroup group_;
};

}  // namespace slipway::bridge
