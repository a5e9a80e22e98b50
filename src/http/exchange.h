#pragma once

#include "http/connection.h"

namespace slipway::http {

/// The exchange of one request on a connection. Lives as long as the handler runs.
class ConnectionExchange final : public Exchange {
 public:
  explicit ConnectionExchange(Connection& connection);

  const Request& request() const override { return request_; }
  const net::Peer& peer() const override { return connection_.peer_; }
  Task<Status> respond(Response response) override;
  Task<Status> stream(Response head) override;
  Task<Status> write(std::string_view bytes) override;
  Task<Status> finish() override;
  Task<void> clientGone() override;
  Task<Result<net::StreamPtr>> upgrade(Response head) override;

  /// Whether the connection can take another request after this one.
  bool complete() const { return state_ == State::Complete; }
  bool answered() const { return state_ != State::Open; }

 private:
  enum class State {
    Open,       ///< nothing was sent
    Streaming,  ///< the head was sent, the body grows
    Complete,   ///< all was sent
    Broken,     ///< a write failed, or the connection was handed over
  };
  Task<Status> sendTracked(std::string_view bytes, State then);
  Status misuse(std::string_view what);
  bool isBodyless(int status) const;

  Connection& connection_;
  Request request_;
  State state_ = State::Open;
  bool is_head_;
  bool is_http10_;
  bool chunked_ = false;
  bool silent_ = false;  ///< the answer has no body, whatever is written
};

}  // namespace slipway::http
