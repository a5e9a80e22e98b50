#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "async/work_queue.h"
#include "kube/informer.h"

namespace slipway::controllers {

/// What is to be done with a key after a reconcile that did not fail.
struct Outcome {
  enum class Next {
    Done,   ///< nothing until something changes
    Retry,  ///< not there yet: again with growing back-off
    After,  ///< again after `delay`
  };
  Next next = Next::Done;
  std::chrono::nanoseconds delay{0};

  static Outcome done() { return {}; }
  static Outcome retry() { return {Next::Retry, {}}; }
  static Outcome after(std::chrono::nanoseconds delay) { return {Next::After, delay}; }
};

/// Reads the wanted and the real of one key and makes one step; may be called again at any time. An error means again
/// with back-off; a Conflict is such an everyday one that it is not logged.
using Reconcile = std::function<Task<Result<Outcome>>(std::string key)>;

struct KeyedLoopOptions {
  size_t workers = 4;  ///< keys under way at once; one key never twice
  async::BackoffPolicy backoff{.initial = std::chrono::milliseconds(500), .max = std::chrono::minutes(1)};
};

/// The loop that all controllers share: keys come from informers, workers reconcile them, failures come back later.
///
/// Life cycle: add() at any time; run() once, until cancelled. Runs on one loop; no key holds up another.
class KeyedLoop {
 public:
  /// `name` is for the log: "garbage collector".
  KeyedLoop(std::string name, Executor executor, Random& random, Reconcile reconcile, KeyedLoopOptions options = {});

  void add(const std::string& key) { queue_.add(key); }
  void addAfter(const std::string& key, std::chrono::nanoseconds delay) { queue_.addAfter(key, delay); }
  /// Adds the key of each object that comes or changes in the informer.
  void addFrom(kube::Informer& informer);
  /// Waits until each informer knows what there is, then works.
  Task<void> run(std::vector<kube::Informer*> wait_for = {});

 private:
  Task<void> work();

  std::string name_;
  Executor executor_;
  Reconcile reconcile_;
  KeyedLoopOptions options_;
  async::WorkQueue<std::string> queue_;
};

/// Coroutines of one owner with names for the log.
using NamedTasks = std::vector<std::pair<std::string, Task<void>>>;

/// Runs the tasks beside each other until the last has ended. When the caller is cancelled they are, and are waited
/// for.
Task<void> runTogether(Executor executor, NamedTasks tasks);

/// tasks(pair("a", x()), pair("b", y())): tasks can only be moved, which initializer lists cannot.
template <typename... Pairs>
NamedTasks tasksOf(Pairs... pairs) {
  NamedTasks all;
  (all.push_back(std::move(pairs)), ...);
  return all;
}
inline std::pair<std::string, Task<void>> task(std::string name, Task<void> work) {
  return {std::move(name), std::move(work)};
}

}  // namespace slipway::controllers
