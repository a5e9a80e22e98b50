#include "http/websocket.h"

#include <gtest/gtest.h>

namespace slipway::http {
namespace {

using Opcode = WebSocketOpcode;
using Role = WebSocketDecoder::Role;

struct Fed {
  std::vector<WebSocketMessage> messages;
  std::optional<Code> refused;
};

Fed feed(Role role, std::string_view bytes, size_t piece, size_t max_message = 1000) {
  WebSocketDecoder decoder(role, max_message);
  Fed out;
  for (; !bytes.empty(); bytes.remove_prefix(std::min(piece, bytes.size()))) {
    const Status fed = decoder.feed(bytes.substr(0, piece), out.messages);
    if (!fed) {
      out.refused = fed.error().code;
      break;
    }
  }
  return out;
}

TEST(WebSocket, FramesOfEveryLengthComeBackInEveryPiece) {
  for (const size_t size : {size_t{0}, size_t{1}, size_t{125}, size_t{126}, size_t{300}, size_t{70000}}) {
    const std::string payload(size, 'p');
    const std::string masked = webSocketFrame(Opcode::Binary, payload, 0x12345678);
    const std::string plain = webSocketFrame(Opcode::Text, payload);
    for (const size_t piece : {size_t{1}, size_t{3}, size_t{100000}}) {
      const Fed up = feed(Role::Server, masked + masked, piece, 1 << 20);
      ASSERT_EQ(up.messages.size(), 2U);
      EXPECT_EQ(up.messages[1].data, payload);
      const Fed down = feed(Role::Client, plain, piece, 1 << 20);
      ASSERT_EQ(down.messages.size(), 1U);
      EXPECT_EQ(down.messages[0].opcode, Opcode::Text);
    }
  }
}

// RFC 6455 §5.7.
TEST(WebSocket, ReadsTheExamplesOfTheStandard) {
  const std::string masked("\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58", 11);
  EXPECT_EQ(feed(Role::Server, masked, 1).messages.at(0).data, "Hello");
  EXPECT_EQ(webSocketFrame(Opcode::Text, "Hello", 0x37fa213d), masked);
  const std::string fragmented("\x01\x03\x48\x65\x6c\x80\x02\x6c\x6f", 9);
  for (size_t piece = 1; piece < 10; ++piece) {
    EXPECT_EQ(feed(Role::Client, fragmented, piece).messages.at(0).data, "Hello");
  }
}

TEST(WebSocket, ControlFramesComeBetweenFragments) {
  const std::string bytes =
      std::string("\x02\x01x", 3) + webSocketFrame(Opcode::Ping, "p") + std::string("\x80\x01y", 3);
  const Fed fed = feed(Role::Client, bytes, 1);
  ASSERT_EQ(fed.messages.size(), 2U);
  EXPECT_EQ(fed.messages[0].opcode, Opcode::Ping);
  EXPECT_EQ(fed.messages[1].data, "xy");
}

TEST(WebSocket, WhatTheProtocolForbidsIsRefused) {
  const std::vector<std::string> bad = {
      std::string("\xc2\x00", 2),                  // reserved bit
      std::string("\x83\x00", 2),                  // unknown opcode
      std::string("\x82\x80\x00\x00\x00\x00", 6),  // masked by a server
      std::string("\x09\x00", 2),                  // fragmented ping
      std::string("\x89\x7e\x00\x80", 4),          // long ping
      std::string("\x80\x00", 2),                  // continuation of nothing
      std::string("\x02\x00\x02\x00", 4),          // a second message inside the first
  };
  for (const std::string& bytes : bad) EXPECT_EQ(feed(Role::Client, bytes, 1).refused, Code::BadRequest);
  EXPECT_EQ(feed(Role::Server, webSocketFrame(Opcode::Text, "x"), 1).refused, Code::BadRequest);
  EXPECT_EQ(feed(Role::Client, webSocketFrame(Opcode::Text, std::string(1001, 'x')), 1).refused,
            Code::RequestEntityTooLarge);
  EXPECT_EQ(feed(Role::Client, std::string("\x82\x7f\xff\xff\xff\xff\xff\xff\xff\xff", 10), 1).refused,
            Code::RequestEntityTooLarge);
}

TEST(WebSocket, HandshakeAgreesOnTheClientsFirstKnownProtocol) {
  Request request{.headers = {{"Connection", "keep-alive, Upgrade"},
                              {"Upgrade", "websocket"},
                              {"Sec-WebSocket-Version", "13"},
                              {"Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="},
                              {"Sec-WebSocket-Protocol", "v6.channel.k8s.io, v5.channel.k8s.io"},
                              {"Sec-WebSocket-Protocol", "v4.channel.k8s.io"}}};
  const std::array<std::string_view, 2> supported = {"v4.channel.k8s.io", "v5.channel.k8s.io"};
  const WebSocketAccept accept = acceptWebSocket(request, supported).value();
  EXPECT_EQ(accept.protocol, "v5.channel.k8s.io");
  EXPECT_EQ(accept.head.headers.get("Sec-WebSocket-Accept"), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
  EXPECT_FALSE(acceptWebSocket(request, {}).has_value());
  request.headers.remove("Sec-WebSocket-Protocol");
  EXPECT_EQ(acceptWebSocket(request, supported)->protocol, "");
  request.headers.set("Sec-WebSocket-Key", "short");
  EXPECT_FALSE(acceptWebSocket(request, supported).has_value());
}

TEST(WebSocket, ClientAndServerShakeHands) {
  SystemRandom random;
  const std::array<std::string_view, 1> protocols = {"v5.channel.k8s.io"};
  const Request request = webSocketRequest("/exec", protocols, random);
  Response answer = acceptWebSocket(request, protocols)->head;
  EXPECT_EQ(checkWebSocketAnswer(request, answer).value(), "v5.channel.k8s.io");
  answer.headers.set("Sec-WebSocket-Accept", "x");
  EXPECT_FALSE(checkWebSocketAnswer(request, answer).has_value());
}

}  // namespace
}  // namespace slipway::http
