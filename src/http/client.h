#pragma once

#include <memory>

#include "async/task.h"
#include "http/message.h"
#include "net/stream.h"

namespace slipway::http {

/// The body of an answer as it arrives.
class ResponseStream {
 public:
  virtual ~ResponseStream() = default;
  virtual const Response& head() const = 0;  ///< body is empty
  /// At least one byte, or 0 at the end. ServiceUnavailable when the connection broke before the end.
  virtual Task<Result<size_t>> readSome(std::span<char> buffer) = 0;
};

/// A connection taken over after 101 or, when the server refused, its answer.
struct Upgraded {
  Response head;
  net::StreamPtr stream;  ///< null when refused
};

struct ClientOptions {
  size_t max_idle_connections = 32;
  size_t max_body_bytes = 512U << 20U;
  std::chrono::nanoseconds idle_timeout = std::chrono::seconds(60);
};

/// An HTTP/1.1 client of one server with a pool of connections. A kept connection that the server closed before any
/// byte of the answer is replaced once, for requests that may be repeated (GET, HEAD, PUT, DELETE, OPTIONS). Every
/// status is a Response; an Error means that there is no answer: Timeout (effect unknown) or ServiceUnavailable.
class Client {
 public:
  Client(Executor executor, std::unique_ptr<net::Dialer> dialer, ClientOptions options = {});
  ~Client();

  Task<Result<Response>> send(Request request, std::chrono::nanoseconds deadline = std::chrono::seconds(30));
  /// The deadline holds until the head has come.
  Task<Result<std::unique_ptr<ResponseStream>>> open(Request request,
                                                     std::chrono::nanoseconds deadline = std::chrono::seconds(30));
  Task<Result<Upgraded>> upgrade(Request request, std::chrono::nanoseconds deadline = std::chrono::seconds(30));

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace slipway::http
