#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "async/task_group.h"
#include "net/tcp.h"
#include "slurm/driver.h"
#include "tunnel/rpc.h"

namespace slipway::agent {

struct StepRelayOptions {
  std::string binary;                                           ///< of slipway, as compute nodes see it
  std::chrono::nanoseconds connect = std::chrono::seconds(30);  ///< so long a supervisor is waited for
  std::chrono::nanoseconds linger = std::chrono::seconds(30);   ///< a step that nobody uses stays for the next one
};

/// The way to supervisors that cannot reach the hub: where compute nodes may not connect to this host, srun often still
/// can (SrunPortRange). A step of the job carries the supervisor's connection (supervisor/hub_relay.h) to the hub,
/// inside the same mutual TLS as over the network; so everything that goes to a supervisor works, a few seconds later.
/// There is one step for each pod that somebody wants something of, and none otherwise: it costs slurmctld requests.
///
/// Runs on the agent's loop. run() ends the steps when it is cancelled.
class StepRelays {
 public:
  using ChannelOf = std::function<std::shared_ptr<tunnel::Channel>(const std::string& key)>;
  /// `hub` tells where the hub listens on this host.
  StepRelays(Executor executor, slurm::Driver& driver, StepRelayOptions options, std::function<net::HostPort()> hub,
             ChannelOf channel_of);

  /// The step lives while this does, and a while longer.
  struct Reached {
    std::shared_ptr<tunnel::Channel> channel;
    std::shared_ptr<void> use;
  };
  /// The channel to the supervisor of `key`, whose job and pod directory these are. The error says what srun said.
  Task<Result<Reached>> reach(std::string key, uint32_t job_id, std::filesystem::path directory);
  Task<void> run();
  size_t steps() const { return relays_.size(); }

 private:
  struct Relay;
  Task<void> keep(std::string key, std::shared_ptr<Relay> relay, uint32_t job_id, std::filesystem::path directory);
  Task<void> runStep(std::shared_ptr<Relay> relay, uint32_t job_id, std::filesystem::path directory,
                     FileDescriptor connection);
  Task<void> carry(std::shared_ptr<Relay> relay, FileDescriptor connection);
  Task<void> watchUse(std::shared_ptr<Relay> relay);

  Executor executor_;
  slurm::Driver& driver_;
  StepRelayOptions options_;
  std::function<net::HostPort()> hub_;
  ChannelOf channel_of_;
  std::map<std::string, std::shared_ptr<Relay>> relays_;
  async::TaskGroup group_;
};

}  // namespace slipway::agent
