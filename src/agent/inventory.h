#pragma once

#include <deque>
#include <functional>
#include <string>
#include <unordered_map>
#include <vector>

#include "async/event.h"
#include "proto/site.pb.h"
#include "slurm/driver.h"

namespace slipway::agent {

/// What the agent itself must know of a job of Slipway: one whose comment begins with "slipway:<cluster>:".
struct OwnJob {
  uint32_t id = 0;
  std::string pod_uid;
  uint32_t attempt = 0;
  std::string state;  ///< as Slurm said it
  std::string reason;
  std::string node;  ///< the first of the allocation
  int32_t exit_code = 0;
  int32_t exit_signal = 0;
  uint32_t restarts = 0;
  int64_t start_time = 0;
  int64_t end_time = 0;
  int64_t limit_seconds = 0;  ///< 0: none
  std::string work_dir;
  /// Its comment is not the one that it was submitted with (`scontrol update` can change it): known by its directory,
  /// in which others may start jobs too. Believe it only if the id is that of the attempt.
  bool by_directory = false;
};

/// "slipway:<cluster>:<uid>:<attempt>" → uid and attempt; nothing for another cluster's or a foreign comment.
std::optional<std::pair<std::string, uint32_t>> parseComment(std::string_view comment, std::string_view cluster);

/// "<...>/pods/<uid>/<attempt>" → uid and attempt; nothing for any other directory.
std::optional<std::pair<std::string, uint32_t>> parsePodDirectory(std::string_view directory);

/// Which of Slurm is shown: an empty function means all. A node needs its name and one of its partitions to be chosen,
/// a job one of its partitions. Our own jobs are kept track of whatever is shown.
struct InventoryFilter {
  std::function<bool(const std::string& name)> node;
  std::function<bool(const std::string& partition)> partition;
};

/// The last good inventory of Slurm and what changed since when. Compact, because 20,000 jobs must fit in a few MiB:
/// serialised messages and a hash of the record each was made of; an unchanged job costs a look at its hash.
///
/// Life cycle of a poll: begin(), records as they come, then commit() — or nothing, and the next begin() starts anew.
/// Runs on one loop.
class Inventory final : public slurm::InventorySink {
 public:
  Inventory(std::string cluster, uint32_t own_uid, InventoryFilter filter = {})
      : cluster_(std::move(cluster)), own_uid_(own_uid), filter_(std::move(filter)) {}

  void begin();
  void node(const slurm::NodeRecord& record) override;
  void job(const slurm::JobRecord& record) override;
  /// Takes the poll's records as the truth: what was not among them is gone.
  void commit();

  /// Jobs of Slipway, of this user, in the last good poll.
  const std::vector<OwnJob>& ownJobs() const { return own_; }
  /// There was a good poll; before that no snapshot is given out, because an empty one would say that all is gone.
  bool loaded() const { return loaded_; }
  void setHealth(bool ok, std::string message, int64_t since);
  const site::v1::Health& health() const { return health_; }

  /// How much a watcher has seen.
  struct Cursor {
    uint64_t version = 0;  ///< 0: nothing, a snapshot is due
    uint64_t health = 0;
  };
  /// Serialised SiteUpdates that bring a watcher from where it stands to now. Each is of moderate size.
  std::vector<std::string> updatesSince(Cursor& cursor) const;
  /// Wakes on every change.
  async::Event& changed() { return changed_; }
  std::optional<site::v1::Job> findJob(uint32_t id) const;
  size_t jobs() const { return jobs_.size(); }
  size_t nodes() const { return nodes_.size(); }
  void setCluster(std::string cluster) { cluster_ = std::move(cluster); }

 private:
  bool showsPartitionOf(std::string_view partitions) const;
  struct Kept {
    uint64_t hash = 0;
    uint64_t version = 0;
    uint32_t generation = 0;
    std::string bytes;
  };
  struct Gone {
    uint64_t version;
    uint32_t job;  ///< 0: a node
    std::string node;
  };

  std::string cluster_;
  uint32_t own_uid_;
  InventoryFilter filter_;
  std::unordered_map<std::string, Kept> nodes_;
  std::unordered_map<uint32_t, Kept> jobs_;
  std::deque<Gone> gone_;
  uint64_t forgotten_before_ = 0;  ///< removals of versions up to this are not known any more
  uint64_t version_ = 0;
  uint32_t generation_ = 0;
  uint64_t health_version_ = 0;
  bool loaded_ = false;
  site::v1::Health health_;
  async::Event changed_;
  // Of the poll in progress.
  std::vector<std::pair<std::string, Kept>> new_nodes_;
  std::vector<std::pair<uint32_t, Kept>> new_jobs_;
  std::vector<OwnJob> new_own_;
  std::vector<OwnJob> own_;
  site::v1::Job job_;
  site::v1::Node node_;
};

}  // namespace slipway::agent
