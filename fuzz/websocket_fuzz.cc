// WebSocket frames as they come from a client or a server, whole and in pieces.
#include <cstdlib>

#include "http/websocket.h"

using slipway::http::WebSocketDecoder;
using slipway::http::WebSocketMessage;

namespace {

std::string outcome(WebSocketDecoder::Role role, std::string_view bytes, size_t piece) {
  WebSocketDecoder decoder(role, 1000);
  std::vector<WebSocketMessage> messages;
  bool refused = false;
  for (; !bytes.empty() && !refused; bytes.remove_prefix(std::min(piece, bytes.size()))) {
    refused = !decoder.feed(bytes.substr(0, piece), messages).has_value();
  }
  std::string seen = refused ? "refused" : "";
  for (const WebSocketMessage& message : messages)
    seen += std::to_string(static_cast<int>(message.opcode)) + message.data;
  return seen;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const auto role = (data[0] & 1U) != 0 ? WebSocketDecoder::Role::Server : WebSocketDecoder::Role::Client;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  if (outcome(role, bytes, bytes.size() + 1) != outcome(role, bytes, 1 + data[0] / 2)) std::abort();
  return 0;
}
