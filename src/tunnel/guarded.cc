#include "tunnel/guarded.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace slipway::tunnel {
namespace {

/// Both tasks are over.
struct Ending {
  explicit Ending(const Executor& executor) : timer(executor, asio::steady_timer::time_point::max()) {}
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

Task<void> stopAll(async::TaskGroup& group) {
  co_await group.stop();
}

bool isCancelled(const asio::cancellation_state& state) {
  return state.cancelled() != asio::cancellation_type::none;
}

}  // namespace

Task<void> guarded(Task<void> body, Task<void> cleanup) {
  const Executor executor = co_await asio::this_coro::executor;
  const auto ending = std::make_shared<Ending>(executor);
  async::TaskGroup bodies(executor);
  async::TaskGroup cleanups(executor);
  bodies.spawn("body", std::move(body));
  cleanups.spawn("cleanup", cleanAfter(bodies, std::move(cleanup), ending));
  // From here a cancellation is seen and remembered, but does not unwind before both are over.
  const bool throws = co_await asio::this_coro::throw_if_cancelled();
  co_await asio::this_coro::throw_if_cancelled(false);
  while (!ending->over) {
    co_await ending->timer.async_wait(asio::as_tuple(asio::use_awaitable));
    const asio::cancellation_state state = co_await asio::this_coro::cancellation_state;
    if (isCancelled(state)) bodies.cancel();
  }
  co_await asio::this_coro::throw_if_cancelled(throws);
  const asio::cancellation_state state = co_await asio::this_coro::cancellation_state;
  if (throws && isCancelled(state)) throw boost::system::system_error(asio::error::operation_aborted);
}

Task<void> guarded(Task<void> body, async::TaskGroup& group) {
  return guarded(std::move(body), stopAll(group));
}

}  // namespace slipway::tunnel
