#pragma once

#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "async/event.h"
#include "http/server.h"
#include "http/spdy.h"
#include "net/stream.h"

namespace slipway::kubelet {

/// SPDY/3.1 on a connection. One coroutine reads; any number may write, a frame at a time.
class SpdyConnection {
 public:
  explicit SpdyConnection(net::StreamPtr stream) : stream_(std::move(stream)) {}

  /// The next frame that means something here; pings are answered. Nothing at the end of the connection.
  Task<Result<std::optional<http::SpdyFrame>>> next();
  Task<Status> reply(uint32_t stream);
  Task<Status> send(uint32_t stream, std::string data, bool fin = false);
  Task<Status> reset(uint32_t stream);
  /// GOAWAY, and no more bytes from here.
  Task<Status> end();

 private:
  Task<Status> write(std::string bytes);

  net::StreamPtr stream_;
  http::SpdyDecoder decoder_;
  http::SpdyEncoder encoder_;
  std::deque<http::SpdyFrame> frames_;
  async::Semaphore writing_{1};
  uint32_t last_stream_ = 0;
};

bool isSpdyRequest(const http::Request& request);

/// Forbidden: the client's stream protocols are others.
Status checkSpdyProtocol(const http::Request& request, std::string_view protocol);

/// Upgrades to SPDY/3.1 with the first of the client's stream protocols that is `protocol`. A refusal has been answered
/// when this gives an error.
Task<Result<net::StreamPtr>> acceptSpdy(http::Exchange& exchange, std::string protocol);

}  // namespace slipway::kubelet
