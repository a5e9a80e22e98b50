#include "tunnel/rpc.h"

#include "async/deadline.h"

namespace slipway::tunnel {

Task<Status> Service::handle(ServerCall& call) const {
  const auto it = handlers_.find(call.method());
  if (it == handlers_.end()) co_return failure(Code::NotImplemented, "{}: no such method", call.method());
  const Handler handler = it->second;
  co_return co_await handler(call);
}

namespace detail {

namespace {

Task<Result<std::string>> exchange(std::shared_ptr<Channel> channel, std::string method, std::string request) {
  CO_TRY(const std::unique_ptr<ClientCall> call, co_await channel->open(method));
  const Status sent = co_await call->send(std::move(request));
  if (sent) CO_TRY_STATUS(co_await call->closeSend());
  // Also when nothing could be sent: the answer says why.
  CO_TRY(std::optional<std::string> answer, co_await call->receive());
  if (!answer) co_return failure(Code::InternalError, "{}: ended without an answer", method);
  CO_TRY(const std::optional<std::string> second, co_await call->receive());
  if (second) co_return failure(Code::InternalError, "{}: more than one answer", method);
  co_return std::move(*answer);
}

}  // namespace

Task<Result<std::string>> callUnaryBytes(std::shared_ptr<Channel> channel, std::string method, std::string request,
                                         std::chrono::nanoseconds deadline) {
  Task<Result<std::string>> call = exchange(std::move(channel), method, std::move(request));
  co_return co_await async::withDeadline<std::string>(std::move(call), deadline, method);
}

Task<Result<std::string>> receiveRequestBytes(ServerCall& call) {
  CO_TRY(std::optional<std::string> request, co_await call.receive());
  if (!request) co_return failure(Code::BadRequest, "{}: called without a request", call.method());
  CO_TRY(const std::optional<std::string> second, co_await call.receive());
  if (second) co_return failure(Code::BadRequest, "{}: more than one request", call.method());
  co_return std::move(*request);
}

}  // namespace detail
}  // namespace slipway::tunnel
