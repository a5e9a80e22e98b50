#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/attempts.h"
#include "agent/hub.h"
#include "agent/inventory.h"
#include "agent/secrets_courier.h"
#include "agent/step_relay.h"
#include "async/task_group.h"
#include "base/clock.h"
#include "slurm/driver.h"
#include "tunnel/rpc.h"

namespace slipway::agent {

struct AgentOptions {
  std::string cluster;              ///< empty: Slurm's ClusterName
  std::filesystem::path state_dir;  ///< on a file system that compute nodes see
  std::string binary;               ///< path of slipway as compute nodes see it
  std::string version;
  std::string user;
  std::string home;
  uint32_t uid = 0;
  std::string default_partition;
  std::string default_account;
  InventoryFilter filter;
  std::string hub_listen = "0.0.0.0:0";
  std::vector<std::string> hub_addresses;
  std::chrono::nanoseconds poll_interval = std::chrono::seconds(15);
  std::chrono::nanoseconds heartbeat = std::chrono::seconds(8);  ///< of Watch; the contract says 10 s at most
  AttemptOptions attempts;                                       ///< its times; the rest is filled from above
  StepRelayOptions relays;                                       ///< likewise
};

/// Figures for /metrics.
struct AgentFigures {
  size_t nodes = 0;
  size_t jobs = 0;
  size_t pods = 0;
  size_t supervisors = 0;
  uint64_t polls = 0;
  uint64_t failed_polls = 0;
  double last_poll_seconds = 0;
  bool slurm_ok = false;
};

/// The login node's side of Slipway: Slurm's inventory, submissions, and the way to the supervisors. It serves the
/// `Site` service of proto/site.proto; whoever runs it (slipway agent through a tunnel, slipway up in the same process)
/// hands service() on.
///
/// Life cycle: start() reads the journal and listens for supervisors (errors: the state directory, a second agent);
/// then run() until cancelled. Slurm need not answer at any time: what is known stays, what is asked for waits or says
/// why. Runs on one loop; borrows the driver and the clock.
class Agent {
 public:
  Agent(Executor executor, AgentOptions options, slurm::Driver& driver, const Clock& clock);
  ~Agent();

  Status start();
  Task<void> run();
  std::shared_ptr<const tunnel::Service> service() const { return service_; }
  AgentFigures figures() const;
  /// Polls soon instead of at the end of the interval.
  void pollNow() { attempts_->wantsPoll().set(); }

 private:
  Task<void> pollForEver();
  Task<void> pollOnce();
  Task<void> learnCluster();
  void setCluster(std::string cluster);
  Status loadId();
  Task<bool> stopSupervisor(std::string key, int64_t grace);
  void addHandlers();
  Task<Status> hello(tunnel::ServerCall& call);
  Task<Status> watch(tunnel::ServerCall& call);
  Task<Status> submit(tunnel::ServerCall& call);
  Task<Status> cancel(tunnel::ServerCall& call);
  Task<Status> watchPods(tunnel::ServerCall& call);
  Task<Status> logs(tunnel::ServerCall& call);
  Task<Status> exec(tunnel::ServerCall& call);
  Task<Status> portForward(tunnel::ServerCall& call);
  Task<Status> forPod(tunnel::ServerCall& call, std::string rpc);
  Task<Status> toSupervisor(tunnel::ServerCall& call, std::string uid, std::string rpc, std::string first);
  std::shared_ptr<tunnel::Channel> channelOf(const std::string& uid) const;

  Executor executor_;
  std::string id_;  ///< of the state directory
  AgentOptions options_;
  slurm::Driver& driver_;
  const Clock& clock_;
  std::string cluster_;
  std::string slurm_version_;
  std::unique_ptr<Inventory> inventory_;
  std::unique_ptr<Attempts> attempts_;
  std::unique_ptr<Hub> hub_;
  std::unique_ptr<StepRelays> relays_;
  std::unique_ptr<SecretsCourier> courier_;
  std::shared_ptr<tunnel::Service> service_;
  async::Event cluster_known_;
  AgentFigures figures_;
};

}  // namespace slipway::agent
