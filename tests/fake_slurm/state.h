#pragma once

#include <sys/types.h>

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

/// The state directory of the fake: settings, submitted jobs, nodes that were touched.
namespace fake_slurm {

using Values = std::map<std::string, std::string>;

struct Job {
  uint32_t id = 0;
  Values values;  ///< name, comment, partition, account, qos, state, node, submit, start, end, exit, pid, script, ...

  std::string get(const std::string& key, const std::string& fallback = "") const;
  int64_t number(const std::string& key, int64_t fallback = 0) const;
};

class State {
 public:
  explicit State(std::filesystem::path directory);

  const std::filesystem::path& directory() const { return directory_; }
  std::string setting(const std::string& key, const std::string& fallback) const;
  int64_t number(const std::string& key, int64_t fallback) const;

  uint32_t nextId();
  /// Submitted jobs, with what time has made of those that are not executed.
  std::vector<Job> jobs() const;
  std::optional<Job> job(uint32_t id) const;
  /// Whole or not at all.
  void save(const Job& job);
  /// Reads, changes and saves under a lock: job runners and commands meet here.
  template <typename Change>
  bool change(uint32_t id, Change change) {
    const Lock lock(directory_);
    auto known = job(id);
    if (!known) return false;
    change(*known);
    save(*known);
    return true;
  }
  /// "DOWN" and a reason, where a node was set; else nothing.
  std::optional<std::pair<std::string, std::string>> nodeState(const std::string& name) const;
  /// Shows a job still: not over, or not for longer than MinJobAge.
  bool isShown(const Job& job) const;

 private:
  class Lock {
   public:
    explicit Lock(const std::filesystem::path& directory);
    ~Lock();

   private:
    int fd_;
  };
  std::filesystem::path directory_;
  Values settings_;
};

Values readValues(const std::filesystem::path& path);
void writeValues(const std::filesystem::path& path, const Values& values);
bool isOver(const std::string& state);
int64_t nowSeconds();

}  // namespace fake_slurm
