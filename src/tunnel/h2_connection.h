#pragma once

#include <functional>
#include <map>
#include <memory>

#include "async/task_group.h"
#include "net/stream.h"
#include "tunnel/grpc_stream.h"

namespace slipway::tunnel {

/// When a connection counts as dead.
struct Heartbeat {
  std::chrono::nanoseconds interval;  ///< a PING when nothing came for so long; 0: none
  std::chrono::nanoseconds timeout;   ///< then so long for anything to come
};

/// gRPC calls over a byte stream: moves bytes between it and an H2Session, and watches that the other side lives.
///
/// Life cycle: run() owns the reading and writing and returns when the connection is over, whatever the cause; then
/// every stream has failed. One loop. Must outlive run(), need not outlive its streams.
class H2Connection final : private H2Session::Listener {
 public:
  /// Server: a call arrived. Called within reading; keep it and return.
  using OnCall = std::function<void(std::shared_ptr<GrpcStream>)>;

  H2Connection(net::StreamPtr stream, H2Session::Role role, Heartbeat heartbeat, OnCall on_call = nullptr);
  ~H2Connection() override;

  Task<void> run();
  /// Client: begins a call.
  Result<std::shared_ptr<GrpcStream>> call(std::string_view path, std::string_view authority, const Metadata& metadata);
  /// Writes what is queued, says goodbye and ends run(); within 2 s.
  Task<void> close();

  const net::Peer& peer() const { return stream_->peer(); }
  /// Why it ended.
  const Error& why() const { return why_; }

 private:
  void onHeaders(int32_t stream, H2Headers headers, bool end) override;
  void onData(int32_t stream, std::string_view bytes) override;
  void onEnd(int32_t stream) override;
  void onClosed(int32_t stream, uint32_t error) override;
  void onRoom(int32_t stream) override;
  void onGoAway(uint32_t error, std::string_view text) override;

  Task<void> untilOver();
  Task<void> end();
  Task<void> read();
  Task<void> write();
  Task<void> beat();
  Task<void> flush();
  void die(Error why);
  void failAll();
  std::shared_ptr<GrpcStream> make(int32_t id);
  GrpcStream* find(int32_t id);

  net::StreamPtr stream_;
  H2Session::Role role_;
  Heartbeat heartbeat_;
  OnCall on_call_;
  H2Session session_;
  std::map<int32_t, std::shared_ptr<GrpcStream>> streams_;
  std::chrono::steady_clock::time_point heard_;
  std::optional<std::chrono::steady_clock::time_point> writing_since_;
  std::shared_ptr<async::Event> wake_ = std::make_shared<async::Event>();
  async::Event idle_;
  async::Event over_;
  Error why_;
  std::optional<async::TaskGroup> tasks_;
};

}  // namespace slipway::tunnel
