#pragma once

#include <memory>
#include <unordered_map>

#include "tunnel/call_flow.h"
#include "tunnel/rpc.h"

namespace slipway::tunnel {

/// The side of a tunnel that makes calls: numbers them, keeps their flow, sorts what comes back. Knows no socket.
///
/// Life cycle: feed() every frame of the other side; fail() when the tunnel is gone, which ends all calls and refuses
/// new ones. Calls keep it alive. A failure of feed() means that the peer broke the protocol: the tunnel must end.
class TunnelCaller final : public Channel, public std::enable_shared_from_this<TunnelCaller> {
 public:
  /// `revision` and `peer_window` as negotiated; the window is without meaning in revision zero.
  TunnelCaller(std::shared_ptr<FrameSink> sink, CallLimits limits, int revision, uint32_t peer_window);

  Task<Result<std::unique_ptr<ClientCall>>> open(std::string method) override;
  /// Returns late when the frame's call is full and has no flow control.
  Task<Status> feed(Frame frame);
  void fail(Error why);
  size_t calls() const { return calls_.size(); }

 private:
  friend class TunnelClientCall;
  struct Call;
  Result<std::shared_ptr<Call>> find(int64_t stream) const;
  static Status apply(Call& call, Frame& frame);
  /// Gives the call up, from this side.
  void cancel(Call& call, const Error& why);
  void end(Call& call, Status outcome);

  std::shared_ptr<FrameSink> sink_;
  CallLimits limits_;
  int revision_;
  uint32_t peer_window_;
  int64_t last_stream_ = 0;
  std::unordered_map<int64_t, std::shared_ptr<Call>> calls_;
  std::optional<Error> failed_;
};

}  // namespace slipway::tunnel
