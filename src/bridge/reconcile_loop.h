#pragma once

#include <functional>

#include "async/deadline.h"
#include "async/work_queue.h"
#include "base/log.h"
#include "bridge/counters.h"

namespace slipway::bridge {

/// One worker of a queue, until the queue is closed: reconciles key after key, each within the deadline; what failed is
/// counted, logged under the name that `describe` gives it, and comes again with back-off. A conflict only says that
/// our copy is old: the watch brings the new one. The queue and the counters outlive the worker.
template <typename Key>
Task<void> reconcileLoop(async::WorkQueue<Key>& queue, Counters& counters, std::chrono::nanoseconds deadline,
                         std::function<Task<Status>(Key)> reconcile, std::function<std::string(const Key&)> describe) {
  while (true) {
    const std::optional<Key> key = co_await queue.get();
    if (!key) co_return;
    Task<Status> task = reconcile(*key);
    const Status done = co_await async::withDeadline(std::move(task), deadline, describe(*key));
    if (done) {
      queue.forget(*key);
    } else {
      ++counters.reconcile_errors;
      if (!done.error().is(Code::Conflict)) log::warn("{}: {}", describe(*key), done.error().message);
      queue.retry(*key);
    }
    queue.done(*key);
  }
}

}  // namespace slipway::bridge
