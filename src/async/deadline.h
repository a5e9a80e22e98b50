#pragma once

#include <optional>
#include <string>

#include "async/event.h"
#include "async/task_group.h"

namespace slipway::async {

namespace detail {
template <typename T>
Task<void> storeInto(Task<Result<T>> task, std::shared_ptr<std::optional<Result<T>>> out, std::shared_ptr<Event> done) {
  out->emplace(co_await std::move(task));
  done->set();
}
}  // namespace detail

/// The task's result, or Code::Timeout ("<what>: no answer within 5s") after cancelling it and waiting for it to
/// unwind.
template <typename T>
Task<Result<T>> withDeadline(Task<Result<T>> task, std::chrono::nanoseconds limit, std::string what) {
  const Executor executor = co_await thisExecutor();
  const auto out = std::make_shared<std::optional<Result<T>>>();
  const auto done = std::make_shared<Event>();
  // Also when the caller is cancelled the task is waited for: it may refer to what the caller owns.
  const bool throws = co_await asio::this_coro::throw_if_cancelled();
  co_await asio::this_coro::throw_if_cancelled(false);
  TaskGroup group(executor);
  group.spawn(what, detail::storeInto<T>(std::move(task), out, done));
  std::exception_ptr cancelled;
  bool in_time = false;
  try {
    in_time = co_await done->waitFor(limit);
  } catch (const boost::system::system_error&) {
    cancelled = std::current_exception();
  }
  co_await group.stop();
  co_await asio::this_coro::throw_if_cancelled(throws);
  if (cancelled) std::rethrow_exception(cancelled);
  if (out->has_value()) co_return std::move(**out);
  if (in_time) co_return failure(Code::InternalError, "{}: ended without a result", what);
  co_return failure(Code::Timeout, "{}: no answer within {}ms", what,
                    std::chrono::duration_cast<std::chrono::milliseconds>(limit).count());
}

}  // namespace slipway::async
