#include "async/uninterrupted.h"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace slipway::async {

// Asio keeps the cancellation state for the whole chain of coroutines that wait for each other, not for one of them:
// what is changed here has to be put back, and the task gets a chain of its own.
Task<void> uninterrupted(Task<void> task) {
  const bool throws = co_await asio::this_coro::throw_if_cancelled();
  co_await asio::this_coro::throw_if_cancelled(false);
  const Executor executor = co_await asio::this_coro::executor;
  std::exception_ptr failed;
  try {
    co_await asio::co_spawn(executor, std::move(task),
                            asio::bind_cancellation_slot(asio::cancellation_slot(), asio::use_awaitable));
  } catch (...) {
    failed = std::current_exception();
  }
  co_await asio::this_coro::throw_if_cancelled(throws);
  if (failed) std::rethrow_exception(failed);
}

}  // namespace slipway::async
