#pragma once

#include <list>
#include <memory>
#include <string>

#include "async/event.h"
#include "async/task.h"

namespace slipway::async {

/// Owns coroutines that run beside their owner. Every service has one; nothing is spawned any other way.
///
/// Life cycle: spawn() as needed; then `co_await stop()` cancels all and returns when the last has unwound, or
/// join() waits for them to end by themselves. The destructor cancels but cannot wait: by then the group must be empty,
/// or the tasks must own what they touch.
/// A task that ends by an exception other than cancellation is a bug: it is logged with its name.
class TaskGroup {
 public:
  explicit TaskGroup(Executor executor);
  ~TaskGroup();
  TaskGroup(const TaskGroup&) = delete;
  TaskGroup& operator=(const TaskGroup&) = delete;

  /// Starts the task soon, on the group's loop. After stop() began, the task is dropped unrun.
  void spawn(std::string name, Task<void> task);
  /// Cancels all tasks and waits for them. Also when the caller itself is cancelled.
  Task<void> stop();
  void cancel();
  Task<void> join();

  size_t size() const;
  const Executor& executor() const { return executor_; }

 private:
  struct State;
  Executor executor_;
  std::shared_ptr<State> state_;
};

}  // namespace slipway::async
