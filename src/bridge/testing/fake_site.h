#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "async/event.h"
#include "proto/site.pb.h"
#include "tunnel/rpc.h"

namespace slipway::bridge::testing {

/// An agent and its Slurm in memory: an inventory to change, submissions that are exactly once by (uid, attempt), and
/// faults to switch on. Runs on one loop.
class FakeSite {
 public:
  explicit FakeSite(std::string cluster = "hpc");

  /// What the controller calls; each is one tunnel.
  std::shared_ptr<tunnel::Channel> channel(Executor executor);
  /// Breaks all tunnels: their streams end.
  void breakTunnels();

  void setNode(site::v1::Node node);
  void removeNode(const std::string& name);
  void setJob(site::v1::Job job);
  void removeJob(uint32_t id);
  /// The log of every container; followers see it grow.
  void appendLog(const std::string& text);
  /// What the agent says of Slurm.
  void setHealth(bool ok, const std::string& message);
  /// Sends a snapshot again, as after slurmctld was away.
  void sendSnapshot();
  /// The sequence is filled in.
  void report(site::v1::PodReport report);
  site::v1::PodReport reportOf(const std::string& uid, site::v1::PodReport::Stage stage) const;

  std::vector<site::v1::SubmitRequest> submits;  ///< as they came, repeats included
  std::vector<site::v1::CancelRequest> cancels;
  std::vector<site::v1::UpdateVolumesRequest> volume_updates;
  std::map<std::pair<std::string, uint32_t>, uint32_t> accepted;  ///< (uid, attempt) → job
  /// An error refuses the submission before anything happens.
  std::function<std::optional<Error>(const site::v1::SubmitRequest&)> refuse;
  /// An error hides the answer of a submission that took place.
  std::function<std::optional<Error>(const site::v1::SubmitRequest&)> lose;
  bool report_on_submit = true;  ///< QUEUED
  bool report_on_cancel = true;  ///< FAILED, Cancelled
  bool empty_snapshots = false;
  std::string user = "alice";
  std::string agent_id;
  int hellos = 0;

 private:
  Task<Status> hello(tunnel::ServerCall& call);
  Task<Status> watch(tunnel::ServerCall& call);
  Task<Status> submit(tunnel::ServerCall& call);
  Task<Status> cancel(tunnel::ServerCall& call);
  Task<Status> logs(tunnel::ServerCall& call);
  Task<Status> updateVolumes(tunnel::ServerCall& call);
  Task<Status> watchPods(tunnel::ServerCall& call);
  site::v1::SiteUpdate snapshot() const;

  std::string cluster_;
  std::shared_ptr<tunnel::Service> service_;
  std::string log_;
  site::v1::Health health_;
  std::map<std::string, site::v1::Node> nodes_;
  std::map<uint32_t, site::v1::Job> jobs_;
  std::vector<site::v1::SiteUpdate> changes_;
  std::map<std::string, site::v1::PodReport> reports_;
  std::vector<site::v1::PodReport> report_log_;
  async::Event changed_;
  uint64_t generation_ = 0;
  uint64_t sequence_ = 0;
  uint32_t next_job_ = 5000;
};

}  // namespace slipway::bridge::testing
