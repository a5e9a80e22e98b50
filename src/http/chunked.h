#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace slipway::http {

/// Takes "chunked" transfer coding away (RFC 9112 §7.1). Keeps nothing but its state: bytes may come in any pieces.
/// Extensions and trailers are skipped; a body that consists of little else is refused.
class ChunkedDecoder {
 public:
  /// Appends data to `out`; gives how many bytes were used, all of them unless done(). BadRequest for anything
  /// malformed, RequestEntityTooLarge once `out` would take more than `room` bytes, of which the decoder keeps count.
  Result<size_t> feed(std::string_view bytes, std::string& out, uint64_t& room);
  bool done() const { return state_ == State::Done; }

 private:
  enum class State {
    SizeStart,  ///< before the first digit of a size
    Size,       ///< in the digits
    Extension,  ///< from ";" to the end of the line
    SizeLf,     ///< the line's CR came
    Data,
    DataCr,  ///< all data of the chunk came
    DataLf,
    TrailerStart,  ///< at the beginning of a line behind the last chunk
    Trailer,       ///< in such a line
    TrailerLf,
    EndLf,  ///< CR of the empty line that ends all
    Done,
  };
  bool step(unsigned char c);

  State state_ = State::SizeStart;
  uint64_t size_ = 0;
  int digits_ = 0;
  size_t overhead_ = 0;
};

}  // namespace slipway::http
