#include "kube/stop_after.h"

#include <boost/asio/this_coro.hpp>

namespace slipway::kube {

Task<void> stopAfter(Task<void> wait, async::TaskGroup& group) {
  // Without this a cancelled coroutine would throw at the co_await of stop(), and the tasks would outlive what they
  // use.
  const bool throws = co_await asio::this_coro::throw_if_cancelled();
  co_await asio::this_coro::throw_if_cancelled(false);
  std::exception_ptr cancelled;
  try {
    co_await std::move(wait);
  } catch (const boost::system::system_error&) {
    cancelled = std::current_exception();
  }
  co_await group.stop();
  co_await asio::this_coro::throw_if_cancelled(throws);
  if (cancelled) std::rethrow_exception(cancelled);
}

}  // namespace slipway::kube
