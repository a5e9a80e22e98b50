#pragma once

#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/result.h"

struct nghttp2_session;

namespace slipway::tunnel {

struct H2Header {
  std::string name;
  std::string value;
};
using H2Headers = std::vector<H2Header>;

/// The value of the first header of that name, or empty.
std::string_view headerValue(const H2Headers& headers, std::string_view name);

inline constexpr uint32_t kH2Cancel = 8;  ///< RST_STREAM: not needed any more

/// HTTP/2 over nghttp2, without a socket: bytes in by feed(), bytes out by output(), what happened to the listener.
///
/// Runs on one loop. Received data counts against the window until consumed() gives it back.
class H2Session {
 public:
  enum class Role { Client, Server };
  struct Limits {
    uint32_t max_streams = 4;            ///< that the peer may open
    uint32_t stream_window = 2 << 20;    ///< bytes received and not consumed, for each stream
    size_t max_header_bytes = 64 << 10;  ///< of one block
    size_t low_water = 128 << 10;        ///< onRoom() when a stream's queue falls to this
  };
  /// Told from within feed() and output(); may call anything but those two.
  class Listener {
   public:
    virtual ~Listener() = default;
    virtual void onHeaders(int32_t stream, H2Headers headers, bool end) = 0;
    virtual void onData(int32_t stream, std::string_view bytes) = 0;
    virtual void onEnd(int32_t stream) = 0;
    /// No more of this stream; 0: ended well on both sides.
    virtual void onClosed(int32_t stream, uint32_t error) = 0;
    virtual void onRoom(int32_t stream) = 0;
    virtual void onGoAway(uint32_t error, std::string_view text) = 0;
  };

  H2Session(Role role, Limits limits, Listener& listener);
  ~H2Session();
  H2Session(const H2Session&) = delete;
  H2Session& operator=(const H2Session&) = delete;

  /// A failure means that the peer does not speak HTTP/2: write what output() still gives, then close.
  Status feed(std::string_view bytes);
  /// The next bytes to write, about `limit` at most; empty when there are none for now.
  std::string output(size_t limit);
  /// Neither side has anything more to say.
  bool finished() const;

  /// Client: opens a stream; its body stays open.
  Result<int32_t> request(const H2Headers& headers);
  /// Server: response headers. With `end` nothing follows.
  void respond(int32_t stream, const H2Headers& headers, bool end);
  void data(int32_t stream, std::string bytes);
  /// Ends our side after what is queued, with trailers if there are any.
  void end(int32_t stream, H2Headers trailers);
  void reset(int32_t stream, uint32_t error);
  void consumed(int32_t stream, size_t bytes);
  size_t queued(int32_t stream) const;
  void ping();
  /// No more streams from the peer; those that are open go on.
  void goAway();

 private:
  struct Callbacks;
  struct Body {
    std::deque<std::string> pieces;
    size_t offset = 0;  ///< in the first piece
    size_t bytes = 0;
    bool ended = false;
    bool deferred = false;
    H2Headers trailers;
  };

  Limits limits_;
  Listener& listener_;
  nghttp2_session* session_ = nullptr;
  std::unordered_map<int32_t, Body> bodies_;
  std::unordered_map<int32_t, H2Headers> blocks_;  ///< headers being received
  size_t block_bytes_ = 0;
};

}  // namespace slipway::tunnel
