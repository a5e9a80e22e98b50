#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/this_coro.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "base/result.h"

namespace slipway {

namespace asio = boost::asio;

/// A coroutine. It runs on the loop that awaits it and starts when awaited.
///
/// Two ways to end early, never mixed: a failure is a value (Task<Result<T>>), cancellation unwinds the coroutine as
/// boost::system::system_error(operation_aborted) from whatever it awaits. Nobody catches that but TaskGroup.
template <typename T = void>
using Task = asio::awaitable<T>;

using Executor = asio::any_io_executor;

namespace async {

/// The executor that the calling coroutine runs on.
Task<Executor> thisExecutor();

/// Waits; unwinds when cancelled.
Task<void> sleepFor(std::chrono::nanoseconds duration);

/// Lets everything else that is ready run first.
Task<void> yield();

/// From here to the end of the calling coroutine cancellation is ignored: for the last steps of a clean ending, each of
/// which has a deadline of its own.
Task<void> shield();

/// Unwinds now if the calling coroutine was cancelled.
Task<void> throwIfCancelled();

}  // namespace async
}  // namespace slipway
