#include "kubelet/first_of.h"

#include "async/event.h"
#include "async/task_group.h"

namespace slipway::kubelet {
namespace {

Task<void> tells(Task<void> task, std::shared_ptr<async::Event> ended) {
  struct Tell {
    std::shared_ptr<async::Event> event;
    ~Tell() { event->set(); }
  } const tell{std::move(ended)};
  co_await std::move(task);
}

}  // namespace

Task<void> firstOf(std::string name, Task<void> a, Task<void> b) {
  const Executor executor = co_await async::thisExecutor();
  const bool throws = co_await asio::this_coro::throw_if_cancelled();
  co_await asio::this_coro::throw_if_cancelled(false);
  const auto ended = std::make_shared<async::Event>();
  async::TaskGroup group(executor);
  group.spawn(name, tells(std::move(a), ended));
  group.spawn(name, tells(std::move(b), ended));
  std::exception_ptr cancelled;
  try {
    co_await ended->wait();
  } catch (const boost::system::system_error&) {
    cancelled = std::current_exception();
  }
  co_await group.stop();
  co_await asio::this_coro::throw_if_cancelled(throws);
  if (cancelled) std::rethrow_exception(cancelled);
}

}  // namespace slipway::kubelet
