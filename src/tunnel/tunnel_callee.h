#pragma once

#include <memory>
#include <unordered_map>

#include "async/task_group.h"
#include "tunnel/call_flow.h"
#include "tunnel/rpc.h"

namespace slipway::tunnel {

/// The side of a tunnel that answers calls: runs a handler for each and keeps its flow. Knows no socket.
///
/// Life cycle: feed() every frame of the other side, then `co_await stop()`, which cancels all handlers, joins them and
/// says Close for each. A failure of feed() means that the peer broke the protocol: the tunnel must end.
class TunnelCallee final : public std::enable_shared_from_this<TunnelCallee> {
 public:
  /// `revision`: the highest that the tunnel negotiated; each call names its own.
  TunnelCallee(Executor executor, std::shared_ptr<FrameSink> sink, std::shared_ptr<const Service> service,
               CallLimits limits, int revision);

  /// Returns late when the frame's call is full and has no flow control.
  Task<Status> feed(Frame frame);
  Task<void> stop();
  /// Cancels the handlers and does not wait.
  void cancel();
  size_t calls() const { return calls_.size(); }

 private:
  struct Call;
  class HandlerCall;
  Status begin(Frame frame);
  void refuse(int64_t stream, GrpcCode code, std::string why);
  static Status apply(Call& call, Frame& frame);
  static void end(Call& call, Status outcome);
  static Task<void> run(std::shared_ptr<TunnelCallee> self, std::shared_ptr<Call> call);
  static Task<void> untilOver(std::shared_ptr<TunnelCallee> self, std::shared_ptr<Call> call);
  static Task<void> finish(std::shared_ptr<TunnelCallee> self, std::shared_ptr<Call> call);
  static Task<void> runHandler(std::shared_ptr<TunnelCallee> self, std::shared_ptr<Call> call);

  Executor executor_;
  std::shared_ptr<FrameSink> sink_;
  std::shared_ptr<const Service> service_;
  CallLimits limits_;
  int revision_;
  int64_t last_stream_ = 0;
  std::unordered_map<int64_t, std::shared_ptr<Call>> calls_;
  async::TaskGroup group_;
};

}  // namespace slipway::tunnel
