#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/random.h"
#include "base/result.h"
#include "http/message.h"

namespace slipway::http {

/// WebSocket (RFC 6455) without extensions and without I/O: frames in and out, and the handshake of both sides.
enum class WebSocketOpcode : uint8_t { Continuation = 0, Text = 1, Binary = 2, Close = 8, Ping = 9, Pong = 10 };

/// A whole message, fragments joined; control frames stand for themselves.
struct WebSocketMessage {
  WebSocketOpcode opcode = WebSocketOpcode::Binary;
  std::string data;  ///< of Close: two bytes of code, then the reason; or nothing
};

/// Bytes to messages. An error ends the connection: answer it with a Close of protocolError().
class WebSocketDecoder {
 public:
  enum class Role { Server, Client };  ///< clients mask, servers do not; anything else is refused
  explicit WebSocketDecoder(Role role, size_t max_message = 16U << 20U) : role_(role), max_message_(max_message) {}

  /// Appends what became whole. BadRequest: against the protocol. RequestEntityTooLarge: over max_message.
  Status feed(std::string_view bytes, std::vector<WebSocketMessage>& out);

 private:
  struct Header {
    bool fin = false;
    WebSocketOpcode opcode = WebSocketOpcode::Binary;
    uint64_t length = 0;
    std::optional<uint32_t> mask;
    size_t size = 0;
  };
  Result<std::optional<Header>> parseHeader(std::string_view bytes) const;
  Status check(const Header& header) const;
  void take(const Header& header, std::string payload, std::vector<WebSocketMessage>& out);

  Role role_;
  size_t max_message_;
  std::string pending_;
  std::optional<WebSocketMessage> fragments_;
};

/// One unfragmented frame; clients pass a mask.
std::string webSocketFrame(WebSocketOpcode opcode, std::string_view payload,
                           std::optional<uint32_t> mask = std::nullopt);
/// Payload of a Close: 1000 normal, 1002 protocol error, 1009 too large, 1011 internal error.
std::string webSocketClose(uint16_t code, std::string_view reason);

/// Whether the request wants to become a WebSocket.
bool isWebSocketRequest(const Request& request);

struct WebSocketAccept {
  Response head;         ///< 101, for Exchange::upgrade()
  std::string protocol;  ///< the one agreed on; empty if the client named none
};
/// The server's side of the handshake: the first protocol of the client's list that is among `supported`. BadRequest
/// when malformed, or when the client names protocols and none of them is supported.
Result<WebSocketAccept> acceptWebSocket(const Request& request, std::span<const std::string_view> supported);

/// The client's side: the request for Client::upgrade(), and the check of its answer, which gives the protocol.
Request webSocketRequest(std::string target, std::span<const std::string_view> protocols, Random& random);
Result<std::string> checkWebSocketAnswer(const Request& request, const Response& answer);

}  // namespace slipway::http
