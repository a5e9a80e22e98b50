#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace slipway::http {

/// SPDY/3.1 framing without I/O, as kubectl, kube-apiserver and kubelets speak it for exec, attach and port-forward.
/// They use neither priorities nor flow control: WINDOW_UPDATE is read and never needed.
using SpdyHeaders = std::vector<std::pair<std::string, std::string>>;

/// The first value of that name, or "".
std::string_view spdyHeader(const SpdyHeaders& headers, std::string_view name);

struct SpdyFrame {
  enum class Kind {
    Data,          ///< a piece of a stream; a frame may come in several pieces
    SynStream,     ///< the other side opens a stream
    SynReply,      ///< and agrees to one
    RstStream,     ///< ends a stream at once; `value` is the status
    Settings,      ///< ignored
    Ping,          ///< to be sent back unchanged; `value` is its id
    GoAway,        ///< no new streams
    Headers,       ///< more headers of a stream
    WindowUpdate,  ///< ignored
  };
  Kind kind = Kind::Data;
  uint32_t stream = 0;
  bool fin = false;  ///< the other side has nothing more to say on the stream
  SpdyHeaders headers;
  std::string data;
  uint32_t value = 0;
};

/// Bytes to frames. An error ends the connection. One for each direction and connection: header blocks share a zlib
/// state.
class SpdyDecoder {
 public:
  SpdyDecoder();
  ~SpdyDecoder();
  SpdyDecoder(SpdyDecoder&&) noexcept;

  Status feed(std::string_view bytes, std::vector<SpdyFrame>& out);

 private:
  struct Inflate;
  Result<size_t> step(std::string_view bytes, std::vector<SpdyFrame>& out);
  Result<SpdyFrame> parseControl(uint16_t type, uint8_t flags, std::string_view payload);
  Result<SpdyHeaders> parseHeaders(std::string_view block);

  std::unique_ptr<Inflate> inflate_;
  std::string pending_;
  uint32_t data_stream_ = 0;
  size_t data_left_ = 0;
  bool data_fin_ = false;
};

/// Frames to bytes. The order of calls is the order on the wire, for the same reason.
class SpdyEncoder {
 public:
  SpdyEncoder();
  ~SpdyEncoder();
  SpdyEncoder(SpdyEncoder&&) noexcept;

  std::string synStream(uint32_t stream, const SpdyHeaders& headers, bool fin = false);
  std::string synReply(uint32_t stream, const SpdyHeaders& headers, bool fin = false);
  static std::string data(uint32_t stream, std::string_view bytes, bool fin = false);
  static std::string rstStream(uint32_t stream, uint32_t status);
  static std::string ping(uint32_t id);
  static std::string goAway(uint32_t last_stream, uint32_t status);

 private:
  struct Deflate;
  std::string compress(const SpdyHeaders& headers);
  std::unique_ptr<Deflate> deflate_;
};

/// The dictionary that both sides begin with.
const std::string& spdyDictionary();

}  // namespace slipway::http
