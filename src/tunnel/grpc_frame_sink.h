#pragma once

#include <memory>

#include "tunnel/frame_sink.h"
#include "tunnel/grpc_stream.h"

namespace slipway::tunnel {

/// Frames as messages of a gRPC stream.
class GrpcFrameSink final : public FrameSink {
 public:
  using Encode = std::string (*)(Frame);
  GrpcFrameSink(std::shared_ptr<GrpcStream> stream, Encode encode) : stream_(std::move(stream)), encode_(encode) {
    stream_->onRoom([this] { stream_->ended() ? closed() : drained(); });
  }
  ~GrpcFrameSink() override { stream_->onRoom(nullptr); }

  void push(Frame frame) override { stream_->send(encode_(std::move(frame))); }
  size_t backlog() const override { return stream_->backlog(); }

 private:
  std::shared_ptr<GrpcStream> stream_;
  Encode encode_;
};

}  // namespace slipway::tunnel
