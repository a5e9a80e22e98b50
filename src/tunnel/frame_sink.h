#pragma once

#include <list>

#include "async/event.h"
#include "tunnel/frame.h"

namespace slipway::tunnel {

/// Where frames go out, in order. Small frames are pushed at any time; data waits in line for room(), so that a link
/// that is slower than its calls holds them back, each in its turn.
class FrameSink {
 public:
  virtual ~FrameSink() = default;

  /// Queues the frame; dropped without a word when the link is gone.
  virtual void push(Frame frame) = 0;
  /// Bytes queued and not yet taken by the link.
  virtual size_t backlog() const = 0;

  /// Waits until the caller is first in line and less than kFull bytes are queued, or until close().
  Task<void> room();
  /// Waits until the queue is short enough for more to be read: a peer that sends but does not read is not answered.
  Task<void> notFlooded();

  static constexpr size_t kFull = 256 << 10;
  static constexpr size_t kFlooded = 4 << 20;

 protected:
  /// The link took some of the queue.
  void drained();
  /// The link is gone: nobody waits any more.
  void closed();

 private:
  bool full() const { return !gone_ && backlog() >= kFull; }
  void wakeFirst();

  std::list<async::Event> line_;
  async::Event drained_;
  bool gone_ = false;
};

}  // namespace slipway::tunnel
