#pragma once

#include <boost/asio/io_context.hpp>
#include <functional>

#include "async/task.h"

namespace slipway::async {

/// The event loop of the process: one thread runs all domain code, so domain code has no locks.
class Loop {
 public:
  Loop();
  ~Loop();

  Executor executor();
  asio::io_context& context() { return context_; }

  /// Runs the task to its end and then returns, everything else on the loop included in between. The first SIGINT or
  /// SIGTERM cancels the task; a second one ends the process at once.
  void run(Task<void> main, bool handle_signals = true);

  /// From any thread: runs `work` on the loop's thread.
  void post(std::function<void()> work);

 private:
  asio::io_context context_{1};
};

/// Runs one task on a loop of its own and gives its value: for tests, tools and short commands.
template <typename T>
T runToEnd(Task<T> task);
template <>
void runToEnd(Task<void> task);

}  // namespace slipway::async

#include "async/loop_inline.h"
