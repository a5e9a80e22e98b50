#pragma once

#include <deque>
#include <map>
#include <string>
#include <unordered_map>

#include "async/event.h"
#include "base/clock.h"
#include "base/random.h"
#include "kube/client.h"

namespace slipway::kube {

struct LeaseOptions {
  std::string ns = "kube-node-lease";
  std::string holder;  ///< empty: the lease's own name, as a kubelet has it
  std::chrono::nanoseconds interval = std::chrono::seconds(10);
  std::chrono::seconds duration{40};
  double jitter = 0.04;  ///< at most this share of the interval is added, as a kubelet does
  size_t workers = 16;   ///< renewals in flight at once
  std::chrono::nanoseconds deadline = std::chrono::seconds(10);
};

/// Keeps the Leases of many Nodes alive with one timer and a few workers, whatever their number.
///
/// Renewals are spread over the interval. One that fails is tried again after a tenth of it. A lease that somebody
/// deleted is made again. remove() stops renewing; the Lease itself goes with its Node, which owns it.
/// Runs on one loop; run() until cancelled.
class LeaseKeeper {
 public:
  LeaseKeeper(Client& client, LeaseOptions options, const Clock& clock, Random& random);

  /// Renews from now on, the first time soon. `node_uid` becomes the owner; a changed one replaces the old.
  void add(const std::string& name, const std::string& node_uid);
  void remove(const std::string& name);
  Task<void> run();

  size_t size() const { return leases_.size(); }
  uint64_t renewals() const { return renewals_; }
  uint64_t failures() const { return failures_; }

 private:
  struct Lease {
    std::string node_uid;
    std::string resource_version;  ///< empty: not known, get or create first
    SteadyTime due{};
  };
  void schedule(const std::string& name, std::chrono::nanoseconds delay);
  Task<void> work();
  Task<void> keepTime();
  Task<Status> renew(std::string name);
  Task<Status> fetchOrCreate(std::string name);
  Object object(const std::string& name, const Lease& lease) const;
  void remember(const std::string& name, const Object& object);

  Client& client_;
  LeaseOptions options_;
  const Clock& clock_;
  Random& random_;
  std::unordered_map<std::string, Lease> leases_;
  std::multimap<SteadyTime, std::string> schedule_;
  std::deque<std::string> due_;
  async::Event earlier_;
  async::Event ready_;
  uint64_t renewals_ = 0;
  uint64_t failures_ = 0;
};

}  // namespace slipway::kube
