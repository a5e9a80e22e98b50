#include "tunnel/guarded.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "async/task_group.h"

namespace slipway::tunnel {
namespace {

/// Both tasks are over.
struct Ending {
  explicit Ending(const Executor& executor) : timer(executor) {}
  asio::steady_timer timer;
  bool over = false;
};

Task<void> cleanAfter(async::TaskGroup& body, Task<void> cleanup, std::shared_ptr<Ending> ending) {
  struct Tell {
    Ending& ending;
    ~Tell() {
      ending.over = true;
      ending.timer.cancel();
    }
  } const tell{*ending};
  co_await body.join();
  co_await std::move(cleanup);
}

bool isCancelled(const asio::cancellation_state& state) {
  return state.cancelled() != asio::cancellation_type::none;
}

}  // namespace

Task<void> nothing() {
  co_return;
}

Task<bool> guarded(Task<void> body, Task<void> cleanup, std::optional<std::chrono::nanoseconds> limit) {
  const Executor executor = co_await asio::this_coro::executor;
  const auto ending = std::make_shared<Ending>(executor);
  async::TaskGroup bodies(executor);
  async::TaskGroup cleanups(executor);
  bodies.spawn("body", std::move(body));
  cleanups.spawn("cleanup", cleanAfter(bodies, std::move(cleanup), ending));
  if (limit) {
    ending->timer.expires_after(std::chrono::duration_cast<std::chrono::steady_clock::duration>(*limit));
  } else {
    ending->timer.expires_at(std::chrono::steady_clock::time_point::max());
  }
  // From here a cancellation is seen and remembered, but does not unwind before both are over.
  const bool throws = co_await asio::this_coro::throw_if_cancelled();
  co_await asio::this_coro::throw_if_cancelled(false);
  bool in_time = true;
  while (!ending->over) {
    const auto [error] = co_await ending->timer.async_wait(asio::as_tuple(asio::use_awaitable));
    const asio::cancellation_state state = co_await asio::this_coro::cancellation_state;
    if (!error) {
      in_time = false;
      ending->timer.expires_at(std::chrono::steady_clock::time_point::max());
    }
    if (!error || isCancelled(state)) bodies.cancel();
  }
  co_await asio::this_coro::throw_if_cancelled(throws);
  const asio::cancellation_state state = co_await asio::this_coro::cancellation_state;
  if (throws && isCancelled(state)) throw boost::system::system_error(asio::error::operation_aborted);
  co_return in_time;
}

}  // namespace slipway::tunnel
