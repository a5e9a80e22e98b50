#include "http/spdy.h"

#include <zlib.h>

#include <algorithm>
#include <array>

#include "base/strings.h"

namespace slipway::http {
namespace {

constexpr uint16_t kVersion = 3;
constexpr size_t kFrameHeader = 8;
constexpr size_t kMaxControl = 64 * 1024;
constexpr size_t kMaxHeaders = 256 * 1024;
constexpr uint32_t kStreamMask = 0x7FFFFFFF;
constexpr uint8_t kFlagFin = 1;

enum ControlType : uint16_t {
  kSynStream = 1,
  kSynReply = 2,
  kRstStream = 3,
  kSettings = 4,
  kPing = 6,
  kGoAway = 7,
  kHeaders = 8,
  kWindowUpdate = 9,
};

uint32_t number(std::string_view bytes, size_t at) {
  uint32_t value = 0;
  for (size_t i = at; i < at + 4; ++i) value = value << 8U | static_cast<unsigned char>(bytes[i]);
  return value;
}

void appendNumber(std::string& out, uint32_t value) {
  for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>(value >> shift & 0xFFU);
}

void appendText(std::string& out, std::string_view text) {
  appendNumber(out, static_cast<uint32_t>(text.size()));
  out.append(text);
}

std::string control(uint16_t type, uint8_t flags, std::string_view payload) {
  std::string out;
  appendNumber(out, 0x80000000U | static_cast<uint32_t>(kVersion) << 16U | type);
  appendNumber(out, static_cast<uint32_t>(flags) << 24U | static_cast<uint32_t>(payload.size()));
  out.append(payload);
  return out;
}

tl::unexpected<Error> broken(std::string_view why) {
  return failure(Code::BadRequest, "SPDY: {}", why);
}

const Bytef* bytesOf(std::string_view text) {
  return reinterpret_cast<const Bytef*>(text.data());
}

}  // namespace

// Section 2.6.10.1 of the SPDY/3 draft: names with their lengths in front, then a run of common values.
const std::string& spdyDictionary() {
  static const std::string dictionary = [] {
    constexpr std::array kNames = {"options",
                                   "head",
                                   "post",
                                   "put",
                                   "delete",
                                   "trace",
                                   "accept",
                                   "accept-charset",
                                   "accept-encoding",
                                   "accept-language",
                                   "accept-ranges",
                                   "age",
                                   "allow",
                                   "authorization",
                                   "cache-control",
                                   "connection",
                                   "content-base",
                                   "content-encoding",
                                   "content-language",
                                   "content-length",
                                   "content-location",
                                   "content-md5",
                                   "content-range",
                                   "content-type",
                                   "date",
                                   "etag",
                                   "expect",
                                   "expires",
                                   "from",
                                   "host",
                                   "if-match",
                                   "if-modified-since",
                                   "if-none-match",
                                   "if-range",
                                   "if-unmodified-since",
                                   "last-modified",
                                   "location",
                                   "max-forwards",
                                   "pragma",
                                   "proxy-authenticate",
                                   "proxy-authorization",
                                   "range",
                                   "referer",
                                   "retry-after",
                                   "server",
                                   "te",
                                   "trailer",
                                   "transfer-encoding",
                                   "upgrade",
                                   "user-agent",
                                   "vary",
                                   "via",
                                   "warning",
                                   "www-authenticate",
                                   "method",
                                   "get",
                                   "status",
                                   "200 OK",
                                   "version",
                                   "HTTP/1.1",
                                   "url",
                                   "public",
                                   "set-cookie",
                                   "keep-alive",
                                   "origin"};
    std::string out;
    for (const char* name : kNames) appendText(out, name);
    out +=
        "100101201202205206300302303304305306307402405406407408409410411412413414415416417502504505"
        "203 Non-Authoritative Information204 No Content301 Moved Permanently400 Bad Request401 Unauthorized"
        "403 Forbidden404 Not Found500 Internal Server Error501 Not Implemented503 Service Unavailable"
        "Jan Feb Mar Apr May Jun Jul Aug Sept Oct Nov Dec 00:00:00 Mon, Tue, Wed, Thu, Fri, Sat, Sun, GMT"
        "chunked,text/html,image/png,image/jpg,image/gif,application/xml,application/xhtml+xml,text/plain,"
        "text/javascript,publicprivatemax-age=gzip,deflate,sdchcharset=utf-8charset=iso-8859-1,utf-,*,enq=0.";
    return out;
  }();
  return dictionary;
}

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
  if (length > kMaxControl) return broken("control frame too large");
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
  for (uint32_t i = 0; i < count; ++i) {
    std::string name;
    std::string values;
    if (!take(name) || !take(values)) return broken("headers cut short");
    for (const std::string_view value : split(values, '\0')) out.emplace_back(name, value);
    if (values.empty()) out.emplace_back(name, "");
  }
  return out;
}

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
