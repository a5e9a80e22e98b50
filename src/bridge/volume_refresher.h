#pragma once

#include <map>
#include <unordered_map>

#include "async/work_queue.h"
#include "bridge/api_source.h"
#include "bridge/node_mirror.h"
#include "bridge/site_calls.h"

namespace slipway::bridge {

/// Brings what changed in ConfigMaps, Secrets, downward API and tokens into the volumes of running pods, within a
/// minute.
///
/// It asks and does not watch: each object that a running pod mounts is fetched once a round, whatever the number of
/// pods that mount it. A watch for each would be thousands; a watch of all Secrets would bring every Secret of the
/// cluster into this process, and needs rights that the bridge must not have. Only volumes that differ from what the
/// supervisor got last are sent; it replaces their contents atomically.
///
/// Life cycle: run() until cancelled; planned(), started() and stopped() as the runner sees a pod's life. After a
/// restart what a pod has is not known, and it is sent once more, which changes nothing there. Runs on the controller's
/// loop.
class VolumeRefresher {
 public:
  VolumeRefresher(Executor executor, Shared& shared, const SiteLink& link, ApiSource& source);

  /// What a pod will find when it starts, and after a requeue again.
  void planned(const std::string& uid, const site::v1::PodPlan& plan);
  /// The supervisor is there.
  void started(const std::string& uid);
  /// It is not (any more); `for_good` when the pod is over.
  void stopped(const std::string& uid, bool for_good);
  Task<void> run();

 private:
  using Hashes = std::map<std::string, std::string>;  ///< volume → of its contents
  struct Entry {
    bool running = false;
    std::optional<SteadyTime> planned_at;
    Hashes planned;
    Hashes pushed;
    std::string trouble;  ///< last told
  };
  Task<void> rounds();
  Task<void> work();
  Task<Status> refresh(std::string uid);
  Task<Status> push(std::string uid, site::v1::UpdateVolumesRequest request, Hashes hashes);
  void tell(const kube::Object& pod, Entry& entry, const std::string& message);

  Shared& shared_;
  const SiteLink& link_;
  ApiSource& source_;
  std::unordered_map<std::string, Entry> entries_;
  async::WorkQueue<std::string> queue_;
};

}  // namespace slipway::bridge
