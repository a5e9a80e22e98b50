#pragma once

#include <functional>
#include <memory>

#include "async/event.h"
#include "tunnel/grpc_codec.h"

namespace slipway::tunnel {

/// One bidirectional gRPC call on an HTTP/2 connection, of either side. Made by H2Connection.
///
/// Sends never wait: whoever sends looks at backlog(), and is told by `onRoom` when it fell. What is received counts
/// against the window until receive() takes it, so the queue is bounded by the window.
class GrpcStream {
 public:
  static constexpr size_t kMaxMessage = 1 << 20;  ///< must fit into the stream's window

  GrpcStream(H2Session& session, int32_t id, std::function<void()> wake)
      : session_(&session), id_(id), wake_(std::move(wake)), reader_(kMaxMessage) {}

  /// Server: what the client asked with.
  const H2Headers& requestHeaders() const { return headers_; }
  /// Client: waits for the response headers; an error when the call ended without.
  Task<Result<Metadata>> responseHeaders();
  /// Server: response headers, before the first message.
  void respond(const Metadata& metadata);

  void send(std::string_view message);
  size_t backlog() const { return session_ ? session_->queued(id_) : 0; }
  /// Client: no more messages.
  void closeSend();
  /// Server: the call's status; also instead of respond().
  void finish(GrpcCode code, std::string_view message);
  /// Ends the call at once, both ways.
  void reset();

  /// The next message; nothing at a good end; an error for a status or a lost connection.
  Task<Result<std::optional<std::string>>> receive();
  bool ended() const { return outcome_.has_value(); }

  /// Called when the backlog fell, and when the call is over; null: nobody listens.
  void onRoom(std::function<void()> listener) { on_room_ = std::move(listener); }

  // From the connection.
  void headersArrived(H2Headers headers, bool end, bool from_client);
  void dataArrived(std::string_view bytes);
  void endArrived(bool from_client);
  /// No more of this stream; `why` for those who still wait.
  void close(const Error& why);
  void room();

 private:
  void fail(Error why);
  void end(Status outcome);

  H2Session* session_;  ///< null once the stream is closed
  int32_t id_;
  std::function<void()> wake_;
  H2Headers headers_;
  bool responded_ = false;
  bool finished_ = false;
  GrpcMessageReader reader_;
  size_t unconsumed_ = 0;
  std::optional<Status> outcome_;
  async::Event changed_;
  std::function<void()> on_room_;
};

}  // namespace slipway::tunnel
