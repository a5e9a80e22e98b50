// SPDY/3.1 frames as they come from a client, whole and in pieces.
#include <cstdlib>

#include "http/spdy.h"

using slipway::http::SpdyDecoder;
using slipway::http::SpdyFrame;

namespace {

std::string outcome(std::string_view bytes, size_t piece) {
  SpdyDecoder decoder;
  std::vector<SpdyFrame> frames;
  bool refused = false;
  for (; !bytes.empty() && !refused; bytes.remove_prefix(std::min(piece, bytes.size()))) {
    refused = !decoder.feed(bytes.substr(0, piece), frames).has_value();
  }
  std::string seen = refused ? "refused" : "";
  for (const SpdyFrame& frame : frames) {
    if (frame.kind != SpdyFrame::Kind::Data) seen += '#';
    seen += frame.data;
    for (const auto& [name, value] : frame.headers) seen += name + "=" + value;
  }
  return seen;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  if (outcome(bytes, bytes.size() + 1) != outcome(bytes, 1 + data[0])) std::abort();
  return 0;
}
