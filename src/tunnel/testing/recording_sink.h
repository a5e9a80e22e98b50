#pragma once

#include <vector>

#include "async/event.h"
#include "tunnel/frame_sink.h"

namespace slipway::tunnel::testing {

/// Keeps what is pushed; never full unless told so.
class RecordingSink final : public FrameSink {
 public:
  void push(Frame frame) override {
    frames.push_back(std::move(frame));
    pushed.pulse();
  }
  size_t backlog() const override { return backlog_; }
  void setBacklog(size_t bytes) {
    backlog_ = bytes;
    drained();
  }

  /// Waits until `count` frames of the kind were pushed and gives the last of them.
  Task<Frame> await(FrameKind kind, size_t count = 1) {
    while (of(kind).size() < count) co_await pushed.wait();
    co_return of(kind)[count - 1];
  }
  std::vector<Frame> of(FrameKind kind) const {
    std::vector<Frame> found;
    for (const Frame& frame : frames) {
      if (frame.kind == kind) found.push_back(frame);
    }
    return found;
  }

  std::vector<Frame> frames;
  async::Event pushed;

 private:
  size_t backlog_ = 0;
};

}  // namespace slipway::tunnel::testing
