#include "http/websocket.h"

#include <openssl/evp.h>

#include <algorithm>

#include "base/strings.h"

namespace slipway::http {
namespace {

constexpr std::string_view kGuid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
constexpr size_t kMaxControl = 125;

bool isControl(WebSocketOpcode opcode) {
  return static_cast<uint8_t>(opcode) >= 8;
}

bool isKnown(WebSocketOpcode opcode) {
  const auto number = static_cast<uint8_t>(opcode);
  return number <= 2 || (number >= 8 && number <= 10);
}

uint64_t bigEndian(std::string_view bytes) {
  uint64_t value = 0;
  for (const char c : bytes) value = value << 8U | static_cast<unsigned char>(c);
  return value;
}

void appendBigEndian(std::string& out, uint64_t value, int bytes) {
  for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8) out += static_cast<char>(value >> shift & 0xFFU);
}

void applyMask(std::span<char> payload, uint32_t mask) {
  for (size_t i = 0; i < payload.size(); ++i) {
    payload[i] = static_cast<char>(payload[i] ^ static_cast<char>(mask >> (24 - 8 * (i % 4)) & 0xFFU));
  }
}

std::string acceptKey(std::string_view key) {
  const std::string text = std::string(key) + std::string(kGuid);
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int size = 0;
  EVP_Digest(text.data(), text.size(), digest.data(), &size, EVP_sha1(), nullptr);
  return base64Encode({reinterpret_cast<char*>(digest.data()), size});
}

std::vector<std::string_view> offeredProtocols(const Headers& headers) {
  std::vector<std::string_view> out;
  for (const std::string_view field : headers.all("Sec-WebSocket-Protocol")) {
    for (const std::string_view one : split(field, ',')) {
      if (!trim(one).empty()) out.push_back(trim(one));
    }
  }
  return out;
}

}  // namespace

Result<std::optional<WebSocketDecoder::Header>> WebSocketDecoder::parseHeader(std::string_view bytes) const {
  if (bytes.size() < 2) return std::nullopt;
  const auto first = static_cast<unsigned char>(bytes[0]);
  const auto second = static_cast<unsigned char>(bytes[1]);
  if ((first & 0x70U) != 0) return failure(Code::BadRequest, "WebSocket: reserved bits are set");
  Header header;
  header.fin = (first & 0x80U) != 0;
  header.opcode = static_cast<WebSocketOpcode>(first & 0x0FU);
  const bool masked = (second & 0x80U) != 0;
  const size_t short_length = second & 0x7FU;
  const size_t extended = short_length == 127 ? 8 : short_length == 126 ? 2 : 0;
  header.size = 2 + extended + (masked ? 4 : 0);
  if (bytes.size() < header.size) return std::nullopt;
  header.length = extended == 0 ? short_length : bigEndian(bytes.substr(2, extended));
  if (masked) header.mask = static_cast<uint32_t>(bigEndian(bytes.substr(2 + extended, 4)));
  TRY_STATUS(check(header));
  return header;
}

Status WebSocketDecoder::check(const Header& header) const {
  if (!isKnown(header.opcode)) return failure(Code::BadRequest, "WebSocket: unknown opcode");
  if (header.mask.has_value() != (role_ == Role::Server)) return failure(Code::BadRequest, "WebSocket: wrong masking");
  if (isControl(header.opcode)) {
    if (!header.fin || header.length > kMaxControl) return failure(Code::BadRequest, "WebSocket: bad control frame");
    return {};
  }
  const bool continues = header.opcode == WebSocketOpcode::Continuation;
  if (continues != fragments_.has_value()) return failure(Code::BadRequest, "WebSocket: fragments out of order");
  const uint64_t before = fragments_ ? fragments_->data.size() : 0;
  if (header.length > max_message_ || header.length + before > max_message_) {
    return failure(Code::RequestEntityTooLarge, "WebSocket: message over {} bytes", max_message_);
  }
  return {};
}

void WebSocketDecoder::take(const Header& header, std::string payload, std::vector<WebSocketMessage>& out) {
  if (header.mask) applyMask(payload, *header.mask);
  if (isControl(header.opcode) || (header.fin && !fragments_)) {
    out.push_back({header.opcode, std::move(payload)});
    return;
  }
  if (!fragments_) fragments_ = WebSocketMessage{header.opcode, {}};
  fragments_->data += payload;
  if (!header.fin) return;
  out.push_back(std::move(*fragments_));
  fragments_.reset();
}

Status WebSocketDecoder::feed(std::string_view bytes, std::vector<WebSocketMessage>& out) {
  pending_.append(bytes);
  size_t used = 0;
  while (true) {
    const std::string_view rest = std::string_view(pending_).substr(used);
    TRY(const std::optional<Header> header, parseHeader(rest));
    if (!header || rest.size() - header->size < header->length) break;
    take(*header, std::string(rest.substr(header->size, header->length)), out);
    used += header->size + static_cast<size_t>(header->length);
  }
  pending_.erase(0, used);
  return {};
}

std::string webSocketFrame(WebSocketOpcode opcode, std::string_view payload, std::optional<uint32_t> mask) {
  std::string out;
  out.reserve(payload.size() + 14);
  out += static_cast<char>(0x80U | static_cast<uint8_t>(opcode));
  const uint8_t mask_bit = mask ? 0x80U : 0;
  if (payload.size() < 126) {
    out += static_cast<char>(mask_bit | payload.size());
  } else if (payload.size() <= 0xFFFF) {
    out += static_cast<char>(mask_bit | 126U);
    appendBigEndian(out, payload.size(), 2);
  } else {
    out += static_cast<char>(mask_bit | 127U);
    appendBigEndian(out, payload.size(), 8);
  }
  if (mask) appendBigEndian(out, *mask, 4);
  const size_t from = out.size();
  out.append(payload);
  if (mask) applyMask(std::span(out).subspan(from), *mask);
  return out;
}

std::string webSocketClose(uint16_t code, std::string_view reason) {
  std::string out;
  appendBigEndian(out, code, 2);
  out.append(reason.substr(0, kMaxControl - 2));
  return out;
}

bool isWebSocketRequest(const Request& request) {
  return request.headers.hasToken("Connection", "Upgrade") && request.headers.hasToken("Upgrade", "websocket");
}

Result<WebSocketAccept> acceptWebSocket(const Request& request, std::span<const std::string_view> supported) {
  const std::string_view key = request.headers.get("Sec-WebSocket-Key");
  const auto decoded = base64Decode(key);
  if (request.method != "GET" || !isWebSocketRequest(request) || !decoded || decoded->size() != 16) {
    return failure(Code::BadRequest, "not a WebSocket handshake");
  }
  if (request.headers.get("Sec-WebSocket-Version") != "13") {
    return failure(Code::BadRequest, "only version 13 of WebSocket is spoken");
  }
  WebSocketAccept out{.head = {.status = 101}};
  out.head.headers = {{"Upgrade", "websocket"}, {"Connection", "Upgrade"}, {"Sec-WebSocket-Accept", acceptKey(key)}};
  const std::vector<std::string_view> offered = offeredProtocols(request.headers);
  for (const std::string_view protocol : offered) {
    if (std::find(supported.begin(), supported.end(), protocol) == supported.end()) continue;
    out.protocol = protocol;
    out.head.headers.add("Sec-WebSocket-Protocol", out.protocol);
    return out;
  }
  if (offered.empty()) return out;
  return failure(Code::BadRequest, "none of the subprotocols {} is spoken here", fmt::join(offered, ", "));
}

Request webSocketRequest(std::string target, std::span<const std::string_view> protocols, Random& random) {
  std::string key;
  appendBigEndian(key, random.next(), 8);
  appendBigEndian(key, random.next(), 8);
  Request request{.target = std::move(target)};
  request.headers = {{"Upgrade", "websocket"},
                     {"Connection", "Upgrade"},
                     {"Sec-WebSocket-Version", "13"},
                     {"Sec-WebSocket-Key", base64Encode(key)}};
  if (!protocols.empty()) {
    request.headers.add("Sec-WebSocket-Protocol", fmt::format("{}", fmt::join(protocols, ", ")));
  }
  return request;
}

Result<std::string> checkWebSocketAnswer(const Request& request, const Response& answer) {
  if (answer.status != 101 || !answer.headers.hasToken("Upgrade", "websocket") ||
      answer.headers.get("Sec-WebSocket-Accept") != acceptKey(request.headers.get("Sec-WebSocket-Key"))) {
    return failure(Code::ServiceUnavailable, "the server does not speak WebSocket here (status {})", answer.status);
  }
  return std::string(answer.headers.get("Sec-WebSocket-Protocol"));
}

}  // namespace slipway::http
