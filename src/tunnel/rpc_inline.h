#pragma once

namespace slipway::tunnel {

namespace detail {
Task<Result<std::string>> callUnaryBytes(std::shared_ptr<Channel> channel, std::string method, std::string request,
                                         std::chrono::nanoseconds deadline);
Task<Result<std::string>> receiveRequestBytes(ServerCall& call);
}  // namespace detail

template <typename Message>
Result<Message> parseMessage(const std::string& bytes) {
  Message message;
  if (!message.ParseFromString(bytes)) {
    return failure(Code::BadRequest, "{} of {} bytes: not a valid message", message.GetTypeName(), bytes.size());
  }
  return message;
}

template <typename Response, typename Request>
Task<Result<Response>> callUnary(std::shared_ptr<Channel> channel, std::string method, Request request,
                                 std::chrono::nanoseconds deadline) {
  std::string bytes = request.SerializeAsString();
  Task<Result<std::string>> call =
      detail::callUnaryBytes(std::move(channel), std::move(method), std::move(bytes), deadline);
  CO_TRY(const std::string answer, co_await std::move(call));
  co_return parseMessage<Response>(answer);
}

template <typename Request>
Task<Result<Request>> receiveRequest(ServerCall& call) {
  CO_TRY(const std::string bytes, co_await detail::receiveRequestBytes(call));
  co_return parseMessage<Request>(bytes);
}

}  // namespace slipway::tunnel
