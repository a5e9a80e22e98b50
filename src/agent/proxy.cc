#include "agent/proxy.h"

#include "async/task_group.h"
#include "tunnel/guarded.h"

namespace slipway::agent {
namespace {

/// What goes down. The call up outlives it: proxyCall() waits for its end.
Task<void> carryDown(tunnel::ServerCall& from, tunnel::ClientCall& to) {
  while (true) {
    const auto message = co_await from.receive();
    if (!message) {
      to.cancel();
      co_return;
    }
    if (!*message) break;
    const Status sent = co_await to.send(**message);
    if (!sent) co_return;
  }
  const Status closed = co_await to.closeSend();
  if (!closed) to.cancel();
}

Task<void> carryUp(tunnel::ClientCall& from, tunnel::ServerCall& to, std::shared_ptr<Status> status) {
  while (true) {
    const auto message = co_await from.receive();
    if (!message) {
      *status = failure(message.error());
      co_return;
    }
    if (!*message) co_return;
    const Status sent = co_await to.send(**message);
    if (!sent) {
      *status = sent;
      co_return;
    }
  }
}

}  // namespace

Task<Status> proxyCall(tunnel::ServerCall& call, std::shared_ptr<tunnel::Channel> to, std::string method,
                       std::string first) {
  const Executor executor = co_await async::thisExecutor();
  CO_TRY(const std::unique_ptr<tunnel::ClientCall> below, co_await to->open(std::move(method)));
  CO_TRY_STATUS(co_await below->send(std::move(first)));
  async::TaskGroup down(executor);
  down.spawn("calls down", carryDown(call, *below));
  const auto status = std::make_shared<Status>();
  Task<void> up = carryUp(*below, call, status);
  co_await tunnel::guarded(std::move(up), down);
  co_return *status;
}

}  // namespace slipway::agent
