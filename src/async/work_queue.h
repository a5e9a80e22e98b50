#pragma once

#include <deque>
#include <map>
#include <set>
#include <unordered_map>
#include <unordered_set>

#include "async/backoff.h"
#include "async/event.h"
#include "async/task_group.h"
#include "base/clock.h"

namespace slipway::async {

/// Keys to reconcile, as client-go's rate-limiting work queue: a key is in it once; a key that is added while a worker
/// has it comes again after done(); retry() comes back with exponential back-off until forget().
///
/// Runs on one loop. Life cycle: any number of workers call get() ... done(); close() ends them.
template <typename Key>
class WorkQueue {
 public:
  WorkQueue(Executor executor, BackoffPolicy policy, Random& random)
      : policy_(policy), random_(random), delayed_(std::move(executor)) {}

  void add(const Key& key) {
    if (closed_ || !dirty_.insert(key).second) return;
    if (processing_.contains(key)) return;
    queue_.push_back(key);
    ready_.set();
  }
  void addAfter(const Key& key, std::chrono::nanoseconds delay) {
    if (delay <= std::chrono::nanoseconds(0)) return add(key);
    const SteadyTime due =
        std::chrono::steady_clock::now() + std::chrono::duration_cast<std::chrono::steady_clock::duration>(delay);
    // The earlier of two dates wins; the later one is not needed any more.
    const auto [it, inserted] = due_.try_emplace(key, due);
    if (!inserted && it->second <= due) return;
    it->second = due;
    schedule_.emplace(due, key);
    if (!timer_running_) {
      timer_running_ = true;
      delayed_.spawn("work queue timer", runTimer());
    }
    earlier_.pulse();
  }
  void retry(const Key& key) {
    auto [it, inserted] = failures_.try_emplace(key, Backoff(policy_, random_));
    addAfter(key, it->second.next());
  }
  void forget(const Key& key) { failures_.erase(key); }

  /// The next key; nothing once closed.
  Task<std::optional<Key>> get() {
    while (queue_.empty() && !closed_) co_await ready_.wait();
    if (closed_) co_return std::nullopt;
    Key key = std::move(queue_.front());
    queue_.pop_front();
    if (queue_.empty()) ready_.reset();
    dirty_.erase(key);
    processing_.insert(key);
    co_return key;
  }
  void done(const Key& key) {
    processing_.erase(key);
    if (!dirty_.contains(key)) return;
    queue_.push_back(key);
    ready_.set();
  }
  void close() {
    closed_ = true;
    ready_.set();
    delayed_.cancel();
  }
  size_t size() const { return queue_.size(); }
  bool idle() const { return queue_.empty() && processing_.empty() && due_.empty(); }

 private:
  Task<void> runTimer() {
    while (!closed_) {
      if (schedule_.empty()) {
        co_await earlier_.wait();
        continue;
      }
      const SteadyTime now = std::chrono::steady_clock::now();
      const auto first = schedule_.begin();
      if (first->first > now) {
        co_await earlier_.waitFor(first->first - now);
        continue;
      }
      const SteadyTime when = first->first;
      const Key key = first->second;
      schedule_.erase(first);
      const auto due = due_.find(key);
      if (due == due_.end() || due->second != when) continue;
      due_.erase(due);
      add(key);
    }
  }

  BackoffPolicy policy_;
  Random& random_;
  std::deque<Key> queue_;
  std::unordered_set<Key> dirty_;
  std::unordered_set<Key> processing_;
  std::unordered_map<Key, Backoff> failures_;
  std::unordered_map<Key, SteadyTime> due_;
  std::multimap<SteadyTime, Key> schedule_;
  Event ready_;
  Event earlier_;
  bool closed_ = false;
  bool timer_running_ = false;
  TaskGroup delayed_;
};

}  // namespace slipway::async
