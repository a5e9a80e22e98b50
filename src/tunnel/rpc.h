#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "async/task.h"

namespace slipway::tunnel {

/// One call in progress, seen by the side that made it. Messages are serialised protobuf.
class ClientCall {
 public:
  virtual ~ClientCall() = default;  ///< cancels the call if it has not ended
  /// Waits for room in the flow control window.
  virtual Task<Status> send(std::string message) = 0;
  virtual Task<Status> closeSend() = 0;
  /// The next message; nothing at a good end; an Error for the status the callee ended with, or ServiceUnavailable when
  /// the tunnel broke.
  virtual Task<Result<std::optional<std::string>>> receive() = 0;
  virtual void cancel() = 0;
};

/// The same call seen by the side that answers.
class ServerCall {
 public:
  virtual ~ServerCall() = default;
  virtual const std::string& method() const = 0;  ///< "/slipway.site.v1.Site/Watch"
  virtual Task<Status> send(std::string message) = 0;
  /// Nothing once the caller has closed its side.
  virtual Task<Result<std::optional<std::string>>> receive() = 0;
};

/// Makes calls: over a tunnel, or inside this process (localChannel()).
class Channel {
 public:
  virtual ~Channel() = default;
  virtual Task<Result<std::unique_ptr<ClientCall>>> open(std::string method) = 0;
};

/// Answers calls. A handler's result is the call's status; it is cancelled when the caller cancels or the tunnel
/// breaks.
class Service {
 public:
  using Handler = std::function<Task<Status>(ServerCall&)>;
  void on(std::string method, Handler handler) { handlers_[std::move(method)] = std::move(handler); }
  /// NotImplemented for an unknown method.
  Task<Status> handle(ServerCall& call) const;

 private:
  std::map<std::string, Handler> handlers_;
};

/// Calls that stay in this process, with the same flow and cancellation as over a tunnel. When the last holder of the
/// channel and of its calls lets go, handlers are cancelled and not waited for: they must own what they touch.
std::shared_ptr<Channel> localChannel(Executor executor, std::shared_ptr<const Service> service);

/// One request, one answer, within the deadline.
template <typename Response, typename Request>
Task<Result<Response>> callUnary(std::shared_ptr<Channel> channel, std::string method, Request request,
                                 std::chrono::nanoseconds deadline);
/// Reads the one request of a unary or server-streaming call.
template <typename Request>
Task<Result<Request>> receiveRequest(ServerCall& call);
/// A typed message into or out of bytes; a broken one is BadRequest.
template <typename Message>
Result<Message> parseMessage(const std::string& bytes);

}  // namespace slipway::tunnel

#include "tunnel/rpc_inline.h"
