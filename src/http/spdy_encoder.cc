#include <zlib.h>

#include "base/strings.h"
#include "http/spdy.h"
#include "http/spdy_wire.h"

namespace slipway::http {
namespace {

using namespace spdy;

std::string control(uint16_t type, uint8_t flags, std::string_view payload) {
  std::string out;
  appendNumber(out, 0x80000000U | static_cast<uint32_t>(kVersion) << 16U | type);
  appendNumber(out, static_cast<uint32_t>(flags) << 24U | static_cast<uint32_t>(payload.size()));
  out.append(payload);
  return out;
}

}  // namespace

struct SpdyEncoder::Deflate {
  Deflate() {
    deflateInit(&stream, Z_BEST_COMPRESSION);
    const std::string& dictionary = spdyDictionary();
    deflateSetDictionary(&stream, bytesOf(dictionary), static_cast<uInt>(dictionary.size()));
  }
  ~Deflate() { deflateEnd(&stream); }
  z_stream stream{};
};

SpdyEncoder::SpdyEncoder() : deflate_(std::make_unique<Deflate>()) {}
SpdyEncoder::~SpdyEncoder() = default;
SpdyEncoder::SpdyEncoder(SpdyEncoder&&) noexcept = default;

std::string SpdyEncoder::compress(const SpdyHeaders& headers) {
  std::string block;
  appendNumber(block, static_cast<uint32_t>(headers.size()));
  for (const auto& [name, value] : headers) {
    appendText(block, toLower(name));
    appendText(block, value);
  }
  z_stream& stream = deflate_->stream;
  std::string out(deflateBound(&stream, block.size()) + 16, '\0');
  stream.next_in = const_cast<Bytef*>(bytesOf(block));
  stream.avail_in = static_cast<uInt>(block.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  deflate(&stream, Z_SYNC_FLUSH);
  out.resize(out.size() - stream.avail_out);
  return out;
}

std::string SpdyEncoder::synStream(uint32_t stream, const SpdyHeaders& headers, bool fin) {
  std::string payload;
  appendNumber(payload, stream);
  appendNumber(payload, 0);
  payload.append(2, '\0');
  return control(kSynStream, fin ? kFlagFin : 0, payload + compress(headers));
}

std::string SpdyEncoder::synReply(uint32_t stream, const SpdyHeaders& headers, bool fin) {
  std::string payload;
  appendNumber(payload, stream);
  return control(kSynReply, fin ? kFlagFin : 0, payload + compress(headers));
}

std::string SpdyEncoder::data(uint32_t stream, std::string_view bytes, bool fin) {
  constexpr size_t kMaxData = 0xFFFFFF;
  std::string out;
  do {
    const std::string_view piece = bytes.substr(0, kMaxData);
    bytes.remove_prefix(piece.size());
    const uint32_t flags = fin && bytes.empty() ? kFlagFin : 0;
    appendNumber(out, stream);
    appendNumber(out, flags << 24U | static_cast<uint32_t>(piece.size()));
    out.append(piece);
  } while (!bytes.empty());
  return out;
}

std::string SpdyEncoder::rstStream(uint32_t stream, uint32_t status) {
  std::string payload;
  appendNumber(payload, stream);
  appendNumber(payload, status);
  return control(kRstStream, 0, payload);
}

std::string SpdyEncoder::ping(uint32_t id) {
  std::string payload;
  appendNumber(payload, id);
  return control(kPing, 0, payload);
}

std::string SpdyEncoder::goAway(uint32_t last_stream, uint32_t status) {
  std::string payload;
  appendNumber(payload, last_stream);
  appendNumber(payload, status);
  return control(kGoAway, 0, payload);
}

}  // namespace slipway::http
