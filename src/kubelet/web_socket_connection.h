#pragma once

#include <deque>
#include <optional>
#include <string>

#include "async/event.h"
#include "http/websocket.h"
#include "net/stream.h"

namespace slipway::kubelet {

/// The server's side of a WebSocket on a connection. One coroutine reads; any number may write, a message at a time.
class WebSocketConnection {
 public:
  explicit WebSocketConnection(net::StreamPtr stream) : stream_(std::move(stream)) {}

  /// The next message with data; pings are answered. Nothing when the client closed.
  Task<Result<std::optional<std::string>>> next();
  Task<Status> send(std::string data);
  /// Close with a normal code, and no more bytes from here.
  Task<Status> end();
  net::ByteStream& stream() { return *stream_; }

 private:
  Task<Status> write(http::WebSocketOpcode opcode, std::string payload);

  net::StreamPtr stream_;
  http::WebSocketDecoder decoder_{http::WebSocketDecoder::Role::Server};
  std::deque<http::WebSocketMessage> messages_;
  async::Semaphore writing_{1};
};

/// The messages' bytes as one stream: SPDY through a WebSocket ("SPDY/3.1+portforward.k8s.io").
net::StreamPtr streamOverWebSocket(net::StreamPtr stream);

}  // namespace slipway::kubelet
