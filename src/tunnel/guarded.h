#pragma once

#include <memory>
#include <optional>
#include <string>

#include "async/task.h"

namespace slipway::tunnel {

/// Runs `body` to its end and then `cleanup` to its end, each as a task of its own.
///
/// The body is cancelled when the caller is, or when the limit runs out (then the value is false). The cleanup always
/// runs, whole, and is not cancelled: what it waits for needs deadlines of its own. A caller that was cancelled unwinds
/// after that, not before; one that was not can be cancelled later as ever.
Task<bool> guarded(Task<void> body, Task<void> cleanup, std::optional<std::chrono::nanoseconds> limit = std::nullopt);

/// A cleanup with nothing to do.
Task<void> nothing();

namespace detail {
template <typename T>
Task<void> keepResult(Task<Result<T>> task, std::shared_ptr<std::optional<Result<T>>> out) {
  out->emplace(co_await std::move(task));
}
}  // namespace detail

/// The task's result, or Timeout naming `what` after it was cancelled and has unwound.
template <typename T>
Task<Result<T>> within(Task<Result<T>> task, std::chrono::nanoseconds limit, std::string what) {
  const auto out = std::make_shared<std::optional<Result<T>>>();
  Task<void> body = detail::keepResult<T>(std::move(task), out);
  const bool in_time = co_await guarded(std::move(body), nothing(), limit);
  if (out->has_value()) co_return std::move(**out);
  if (in_time) co_return failure(Code::InternalError, "{}: ended without a result", what);
  co_return failure(Code::Timeout, "{}: no answer within {}ms", what,
                    std::chrono::duration_cast<std::chrono::milliseconds>(limit).count());
}

}  // namespace slipway::tunnel
