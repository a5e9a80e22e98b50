#pragma once

#include <deque>
#include <functional>
#include <optional>
#include <string>

#include "async/event.h"
#include "tunnel/frame_sink.h"

namespace slipway::tunnel {

/// Bounds for one tunnel, against peers that mean harm.
struct CallLimits {
  size_t max_message = 64 << 20;     ///< bytes of one message, either way
  uint32_t window = kInitialWindow;  ///< bytes that the other side may have in flight for each call
  size_t max_calls = 4096;           ///< open at once
};

/// One direction of a call, coming in: chunks become messages, and the window is given back as they are taken.
///
/// Without flow control (revision zero) the queue is bounded by whoever feeds it: wait for room() after each frame.
class Inbound {
 public:
  /// `grant` sends a window update.
  Inbound(bool windowed, const CallLimits& limits, std::function<void(uint32_t)> grant);

  // From the other side. A failure ends the call.
  Status begin(uint32_t size, std::string data);
  Status more(std::string data);
  /// Nothing comes any more; after what is queued, the receiver gets this. The first one holds.
  void finish(Status outcome);

  /// The next message; nothing at a good end.
  Task<Result<std::optional<std::string>>> receive();
  Task<void> room();

 private:
  struct Chunk {
    std::optional<uint32_t> size;  ///< set in a message's first
    std::string data;
  };
  Status accept(Chunk chunk);
  bool takeMessage();
  void give(size_t bytes);
  bool overfull() const;

  bool windowed_;
  CallLimits limits_;
  std::function<void(uint32_t)> grant_;
  std::deque<Chunk> chunks_;
  size_t queued_ = 0;    ///< bytes in chunks_
  size_t arriving_ = 0;  ///< bytes that the message on the wire still lacks
  uint64_t window_;      ///< what the other side may still send
  uint32_t ungranted_ = 0;
  std::string message_;  ///< being put together
  std::optional<size_t> lacking_;
  std::optional<Status> outcome_;
  async::Event changed_;
  async::Event taken_;
};

/// One direction of a call, going out: messages become chunks that keep to the window. One sender at a time.
class Outbound {
 public:
  Outbound(bool windowed, uint32_t window, size_t max_message)
      : windowed_(windowed), window_(window), max_message_(max_message) {}

  /// A window update; too much of it ends the call.
  Status grant(uint32_t bytes);
  /// send() fails with this from now on. The first one holds.
  void close(Error why);
  bool closed() const { return closed_.has_value(); }
  /// Returns when the last chunk is queued. A cancelled send leaves a cut message: the call must then be ended.
  Task<Status> send(FrameSink& sink, int64_t stream, std::string message);

 private:
  bool windowed_;
  uint64_t window_;
  size_t max_message_;
  std::optional<Error> closed_;
  async::Event changed_;
};

}  // namespace slipway::tunnel
