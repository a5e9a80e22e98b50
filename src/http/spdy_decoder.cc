#include <zlib.h>

#include <algorithm>
#include <array>

#include "base/strings.h"
#include "http/spdy.h"
#include "http/spdy_wire.h"

namespace slipway::http {
namespace {

using namespace spdy;
constexpr size_t kFrameHeader = 8;
constexpr size_t kMaxControlFrame = 64 * 1024;
constexpr size_t kMaxHeaders = 256 * 1024;  // of a block, and of what its entries come to
constexpr size_t kMaxEntries = 256;
constexpr uint32_t kStreamMask = 0x7FFFFFFF;

tl::unexpected<Error> broken(std::string_view why) {
  return failure(Code::BadRequest, "SPDY: {}", why);
}

}  // namespace

std::string_view spdyHeader(const SpdyHeaders& headers, std::string_view name) {
  for (const auto& [key, value] : headers) {
    if (equalsIgnoreCase(key, name)) return value;
  }
  return "";
}

struct SpdyDecoder::Inflate {
  Inflate() { inflateInit(&stream); }
  ~Inflate() { inflateEnd(&stream); }
  z_stream stream{};

  Result<std::string> block(std::string_view bytes) {
    std::string out;
    std::array<char, 4096> piece;
    stream.next_in = const_cast<Bytef*>(bytesOf(bytes));
    stream.avail_in = static_cast<uInt>(bytes.size());
    do {
      stream.next_out = reinterpret_cast<Bytef*>(piece.data());
      stream.avail_out = piece.size();
      const int result = inflate(&stream, Z_SYNC_FLUSH);
      out.append(piece.data(), piece.size() - stream.avail_out);
      if (out.size() > kMaxHeaders) return broken("headers too large");
      if (result == Z_NEED_DICT) {
        const std::string& dictionary = spdyDictionary();
        if (inflateSetDictionary(&stream, bytesOf(dictionary), static_cast<uInt>(dictionary.size())) != Z_OK) {
          return broken("headers with a foreign dictionary");
        }
        continue;
      }
      if (result == Z_BUF_ERROR && stream.avail_in == 0) break;
      if (result != Z_OK) return broken("headers do not decompress");
    } while (stream.avail_in > 0 || stream.avail_out == 0);
    return out;
  }
};

SpdyDecoder::SpdyDecoder() : inflate_(std::make_unique<Inflate>()) {}
SpdyDecoder::~SpdyDecoder() = default;
SpdyDecoder::SpdyDecoder(SpdyDecoder&&) noexcept = default;

Status SpdyDecoder::feed(std::string_view bytes, std::vector<SpdyFrame>& out) {
  pending_.append(bytes);
  size_t used = 0;
  while (used < pending_.size()) {
    TRY(const size_t count, step(std::string_view(pending_).substr(used), out));
    if (count == 0) break;
    used += count;
  }
  pending_.erase(0, used);
  return {};
}

// Takes one control frame, the head of a data frame, or a piece of data; 0 when there is not enough.
Result<size_t> SpdyDecoder::step(std::string_view bytes, std::vector<SpdyFrame>& out) {
  if (data_left_ > 0) {
    const size_t count = std::min(data_left_, bytes.size());
    data_left_ -= count;
    out.push_back(
        {.stream = data_stream_, .fin = data_fin_ && data_left_ == 0, .data = std::string(bytes.substr(0, count))});
    return count;
  }
  if (bytes.size() < kFrameHeader) return size_t{0};
  const uint32_t first = number(bytes, 0);
  const uint32_t second = number(bytes, 4);
  const auto flags = static_cast<uint8_t>(second >> 24U);
  const size_t length = second & 0xFFFFFFU;
  if ((first & 0x80000000U) == 0) {
    data_stream_ = first & kStreamMask;
    data_left_ = length;
    data_fin_ = (flags & kFlagFin) != 0;
    if (length == 0) out.push_back({.stream = data_stream_, .fin = data_fin_});
    return kFrameHeader;
  }
  if ((first >> 16U & 0x7FFFU) != kVersion) return broken("not version 3");
  if (length > kMaxControlFrame) return broken("control frame too large");
  if (bytes.size() < kFrameHeader + length) return size_t{0};
  const auto type = static_cast<uint16_t>(first & 0xFFFFU);
  TRY(SpdyFrame frame, parseControl(type, flags, bytes.substr(kFrameHeader, length)));
  out.push_back(std::move(frame));
  return kFrameHeader + length;
}

Result<SpdyFrame> SpdyDecoder::parseControl(uint16_t type, uint8_t flags, std::string_view payload) {
  using Kind = SpdyFrame::Kind;
  SpdyFrame frame;
  const auto need = [&](size_t size) { return payload.size() >= size; };
  if (type == kSettings) {
    frame.kind = Kind::Settings;
    return frame;
  }
  if (!need(4)) return broken("control frame too short");
  if (type == kPing) {
    frame.kind = Kind::Ping;
    frame.value = number(payload, 0);
    return frame;
  }
  frame.stream = number(payload, 0) & kStreamMask;
  frame.fin = (flags & kFlagFin) != 0;
  size_t headers_at = 4;
  switch (type) {
    case kSynStream:
      frame.kind = Kind::SynStream;
      headers_at = 10;
      break;
    case kSynReply:
      frame.kind = Kind::SynReply;
      break;
    case kHeaders:
      frame.kind = Kind::Headers;
      break;
    case kRstStream:
    case kGoAway:
    case kWindowUpdate:
      if (!need(8)) return broken("control frame too short");
      frame.kind = type == kRstStream ? Kind::RstStream : type == kGoAway ? Kind::GoAway : Kind::WindowUpdate;
      frame.value = number(payload, 4);
      return frame;
    default:
      return broken("unknown control frame");
  }
  if (!need(headers_at)) return broken("control frame too short");
  TRY(frame.headers, parseHeaders(payload.substr(headers_at)));
  return frame;
}

Result<SpdyHeaders> SpdyDecoder::parseHeaders(std::string_view compressed) {
  TRY(const std::string block, inflate_->block(compressed));
  std::string_view rest = block;
  const auto take = [&](std::string& text) {
    if (rest.size() < 4 || number(rest, 0) > rest.size() - 4) return false;
    const size_t size = number(rest, 0);
    text = rest.substr(4, size);
    rest.remove_prefix(4 + size);
    return true;
  };
  if (rest.size() < 4) return broken("headers cut short");
  const uint32_t count = number(rest, 0);
  rest.remove_prefix(4);
  SpdyHeaders out;
  size_t expanded = 0;
  for (uint32_t i = 0; i < count; ++i) {
    std::string name;
    std::string values;
    if (!take(name) || !take(values)) return broken("headers cut short");
    std::string_view left = values;
    // Each of several values repeats the name: little on the wire may become much here.
    do {
      const auto [value, others] = splitOnce(left, '\0');
      if (value.empty() && !values.empty()) return broken("an empty value among others");
      expanded += name.size() + value.size();
      if (out.size() == kMaxEntries || expanded > kMaxHeaders) return broken("headers too large");
      out.emplace_back(name, value);
      if (left.size() > value.size() && others.empty()) return broken("an empty value among others");
      left = others;
    } while (!left.empty());
  }
  return out;
}

}  // namespace slipway::http
