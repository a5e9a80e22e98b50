#pragma once

#include <functional>
#include <memory>

#include "async/task_group.h"
#include "http/message.h"
#include "net/stream.h"
#include "net/tls.h"

namespace slipway::http {

/// Limits that make a slow or hostile client cost only itself.
struct ServerOptions {
  size_t max_header_bytes = 64 * 1024;
  size_t max_body_bytes = 3 * 1024 * 1024;
  size_t max_connections = 10000;
  std::chrono::nanoseconds header_timeout = std::chrono::seconds(10);  ///< from the first byte of a request
  std::chrono::nanoseconds body_timeout = std::chrono::seconds(60);
  std::chrono::nanoseconds idle_timeout = std::chrono::seconds(120);  ///< between requests
  std::chrono::nanoseconds write_timeout = std::chrono::seconds(60);  ///< a write that makes no progress
  /// How a request that cannot be read is answered (400, 413, 431, 501); a line of text when empty.
  std::function<Response(int status, const std::string& why)> refusal;
};

/// One request and the way to answer it. Exactly one of respond(), stream() and upgrade() is called; if none was when
/// the handler returns, or the handler throws, the client gets a 500.
class Exchange {
 public:
  virtual ~Exchange() = default;
  /// The body is read whole and without transfer coding; over the limit the server answered 413 itself. A gzip body is
  /// the handler's business.
  virtual const Request& request() const = 0;
  virtual const net::Peer& peer() const = 0;

  /// Sends a whole answer; Content-Length is set here.
  virtual Task<Status> respond(Response response) = 0;
  /// Sends the head (chunked); then write() as often as needed. finish() ends the body; without it the client sees a
  /// broken answer.
  virtual Task<Status> stream(Response head) = 0;
  virtual Task<Status> write(std::string_view bytes) = 0;
  virtual Task<Status> finish() = 0;
  /// Completes when the client closes or sends anything more: what a watch waits for beside its events.
  virtual Task<void> clientGone() = 0;
  /// Sends the head (101 or 200) and hands the connection over; bytes that came early are read first.
  virtual Task<Result<net::StreamPtr>> upgrade(Response head) = 0;
};

using Handler = std::function<Task<void>(Exchange&)>;

/// An HTTP/1.1 server. Life cycle: serve() runs until stop() or cancellation; stop() takes no new connection, ends idle
/// ones, cancels handlers after `grace` and joins.
class Server {
 public:
  Server(Executor executor, ServerOptions options, Handler handler);
  ~Server();

  /// Takes connections from the listener; with a TLS context each handshake runs beside the others.
  Task<void> serve(std::unique_ptr<net::Listener> listener, std::shared_ptr<net::TlsContext> tls);
  /// The same for one listener that has a handler of its own (the kubelet API tells its nodes apart by port).
  Task<void> serve(std::unique_ptr<net::Listener> listener, std::shared_ptr<net::TlsContext> tls, Handler handler);
  Task<void> stop(std::chrono::nanoseconds grace = std::chrono::seconds(2));
  size_t connections() const;

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace slipway::http
