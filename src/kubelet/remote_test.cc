#include <gtest/gtest.h>

#include "async/deadline.h"
#include "async/loop.h"
#include "base/random.h"
#include "http/client.h"
#include "http/spdy.h"
#include "http/websocket.h"
#include "kubelet/node_ports.h"
#include "kubelet/remote_command.h"
#include "kubelet/testing/fake_backend.h"
#include "net/tcp.h"

namespace slipway::kubelet {
namespace {

using namespace std::chrono_literals;
using http::SpdyEncoder;
using http::SpdyFrame;
using testing::FakeAuthenticator;
using testing::FakeBackend;
using testing::makePod;

struct World {
  explicit World(Executor executor)
      : ports(executor, backend, authenticator, nullptr, {.address = "127.0.0.1", .shared_port = 0}) {
    backend.pods = {makePod("default", "p1", "n1")};
    client = std::make_unique<http::Client>(executor, net::tcpDialer({"127.0.0.1", ports.add("n1").value()}));
  }
  FakeBackend backend;
  FakeAuthenticator authenticator;
  NodePorts ports;
  std::unique_ptr<http::Client> client;
};

void run(Task<void> (*test)(World&)) {
  const auto whole = [](auto what) -> Task<void> {
    const Executor executor = co_await async::thisExecutor();
    World world(executor);
    co_await what(world);
    world.client.reset();
    while (world.backend.open_sessions > 0) co_await async::sleepFor(1ms);
    co_await world.ports.stop();
  };
  async::runToEnd(whole(test));
}

// ---- WebSocket

struct WebSocketClient {
  net::StreamPtr stream;
  http::WebSocketDecoder decoder{http::WebSocketDecoder::Role::Client};
  std::vector<http::WebSocketMessage> messages;
  size_t taken = 0;

  Task<Status> send(std::string data) {
    const std::string frame = http::webSocketFrame(http::WebSocketOpcode::Binary, data, 0x01020304);
    const Status sent = co_await stream->write(frame);
    co_return sent;
  }
  // The next message: its channel as a digit and its bytes; "end" at the end.
  Task<std::string> next() {
    std::array<char, 1000> buffer;
    while (taken == messages.size()) {
      const auto count = co_await stream->readSome(buffer);
      if (!count || *count == 0) co_return "end";
      const Status fed = decoder.feed({buffer.data(), *count}, messages);
      EXPECT_TRUE(fed.has_value());
    }
    std::string data = messages[taken].data;
    if (messages[taken++].opcode == http::WebSocketOpcode::Close) co_return "close";
    data[0] = static_cast<char>('0' + data[0]);
    co_return data;
  }
};

Task<Result<WebSocketClient>> connectWebSocket(World& world, std::string target, std::string_view protocol) {
  SystemRandom random;
  const std::array<std::string_view, 1> protocols = {protocol};
  const http::Request request = http::webSocketRequest(target, protocols, random);
  CO_TRY(http::Upgraded upgraded, co_await world.client->upgrade(request));
  CO_TRY(const std::string agreed, http::checkWebSocketAnswer(request, upgraded.head));
  EXPECT_EQ(agreed, protocol);
  co_return WebSocketClient{std::move(upgraded.stream)};
}

Task<void> execsOverWebSocket(World& world) {
  const auto begun = std::chrono::steady_clock::now();
  auto client = co_await connectWebSocket(
      world, "/exec/default/p1/main?command=cat&command=-u&input=1&output=1&error=1", "v5.channel.k8s.io");
  std::string got = co_await client->next();
  EXPECT_EQ(got, "1");
  EXPECT_EQ(world.backend.last_exec.command, (std::vector<std::string>{"cat", "-u"}));
  co_await client->send(std::string("\0hello", 6));
  got = co_await client->next();
  EXPECT_EQ(got, "1hello");
  EXPECT_GE(std::chrono::steady_clock::now() - begun, std::chrono::milliseconds(40))
      << "a client that is not ready yet would throw it away";
  co_await client->send(std::string("\0err no", 7));
  got = co_await client->next();
  EXPECT_EQ(got, "2no");
  co_await client->send("\x04{\"Width\":80,\"Height\":24}");
  co_await client->send(std::string("\xff\0", 2));
  got = co_await client->next();
  EXPECT_EQ(got, R"(3{"metadata":{},"status":"Success"})");
  got = co_await client->next();
  EXPECT_EQ(got, "close");
  EXPECT_EQ(world.backend.resizes.at(0).columns, 80U);
}

TEST(RemoteCommand, ExecOverWebSocketV5ClosesStandardInput) {
  run(execsOverWebSocket);
}

Task<void> exitsWithACode(World& world) {
  auto client = co_await connectWebSocket(world, "/exec/default/p1/uid-p1/main?command=x&input=1&output=1&tty=1",
                                          "v4.channel.k8s.io");
  std::string got = co_await client->next();
  co_await client->send(std::string("\0exit 3", 7));
  got = co_await client->next();
  EXPECT_EQ(
      got,
      R"(3{"metadata":{},"status":"Failure","message":"command terminated with non-zero exit code: exit status 3",)"
      R"("reason":"NonZeroExitCode","details":{"causes":[{"reason":"ExitCode","message":"3"}]}})");
}

Task<void> speaksTheFirstVersion(World& world) {
  auto client = co_await connectWebSocket(world, "/exec/default/p1/main?command=x&input=1&output=1", "channel.k8s.io");
  std::string got = co_await client->next();
  EXPECT_EQ(got, "1");
  co_await client->send(std::string("\0exit 3", 7));
  got = co_await client->next();
  EXPECT_EQ(got, "3command terminated with non-zero exit code: exit status 3");
}

TEST(RemoteCommand, TheFirstVersionOfWebSocketTellsFailuresAsText) {
  run(speaksTheFirstVersion);
}

TEST(RemoteCommand, ExitCodeIsToldOnTheErrorChannel) {
  run(exitsWithACode);
}

Task<void> leaves(World& world) {
  auto client = co_await connectWebSocket(world, "/attach/default/p1/main?input=1&output=1", "v4.channel.k8s.io");
  const std::string got = co_await client->next();
  EXPECT_EQ(world.backend.open_sessions, 1);
  EXPECT_TRUE(world.backend.last_exec.attach);
}

TEST(RemoteCommand, SessionEndsWhenTheClientLeaves) {
  run(leaves);
}

Task<void> isRefused(World& world) {
  const auto status = [](World& one, std::string target) -> Task<int> {
    http::Request request{.target = target, .headers = {{"Connection", "Upgrade"}, {"Upgrade", "SPDY/3.1"}}};
    request.method = "POST";
    const auto got = co_await one.client->upgrade(request);
    co_return got ? got->head.status : -1;
  };
  int got = co_await status(world, "/exec/default/p1/main?command=x");
  EXPECT_EQ(got, 400);
  got = co_await status(world, "/exec/default/p1/main?output=1");
  EXPECT_EQ(got, 400);
  got = co_await status(world, "/exec/default/p1/main?output=1&command=x");
  EXPECT_EQ(got, 403);
  got = co_await status(world, "/exec/default/p1/other-uid/main?output=1&command=x");
  EXPECT_EQ(got, 404);
  const auto plain = co_await world.client->send({.target = "/exec/default/p1/main?output=1&command=x"});
  EXPECT_EQ(plain->status, 400);
  EXPECT_TRUE(world.backend.last_exec.command.empty()) << "a wrong protocol starts nothing";
  http::Request unknown{.target = "/exec/default/p1/main?output=1&command=rm"};
  unknown.headers = {{"Connection", "Upgrade"},
                     {"Upgrade", "websocket"},
                     {"Sec-WebSocket-Version", "13"},
                     {"Sec-WebSocket-Key", "AAAAAAAAAAAAAAAAAAAAAA=="},
                     {"Sec-WebSocket-Protocol", "v9.channel.k8s.io"}};
  const auto no_version = co_await world.client->upgrade(unknown);
  EXPECT_EQ(no_version->head.status, 400);
  EXPECT_TRUE(world.backend.last_exec.command.empty());
  const auto not_run = co_await world.client->send({.target = "/exec/default/p1/main?output=1&command=rm"});
  EXPECT_EQ(not_run->status, 400);
  EXPECT_TRUE(world.backend.last_exec.command.empty());
  world.backend.broken = Error{Code::ServiceUnavailable, "no agent"};
  http::Request good{.method = "POST", .target = "/exec/default/p1/main?output=1&command=x"};
  good.headers = {
      {"Connection", "Upgrade"}, {"Upgrade", "SPDY/3.1"}, {"X-Stream-Protocol-Version", "v4.channel.k8s.io"}};
  const auto away = co_await world.client->upgrade(good);
  EXPECT_EQ(away->head.status, 503);
}

TEST(RemoteCommand, WhatCannotBeServedHasAStatus) {
  run(isRefused);
}

// ---- SPDY

struct SpdyClient {
  net::StreamPtr stream;
  SpdyEncoder encoder;
  http::SpdyDecoder decoder;
  std::map<uint32_t, std::string> data;
  std::set<uint32_t> ended;
  std::set<uint32_t> replied;

  Task<void> send(std::string bytes) { co_await stream->write(bytes); }
  // Reads until `stream` ended, or holds `wanted`.
  Task<void> readUntil(uint32_t id, std::string wanted = "") {
    std::array<char, 1000> buffer;
    while (!ended.contains(id) && (wanted.empty() || data[id] != wanted)) {
      const auto count = co_await stream->readSome(buffer);
      if (!count || *count == 0) co_return;
      std::vector<SpdyFrame> frames;
      const Status fed = decoder.feed({buffer.data(), *count}, frames);
      EXPECT_TRUE(fed.has_value());
      for (const SpdyFrame& frame : frames) {
        if (frame.kind == SpdyFrame::Kind::SynReply) replied.insert(frame.stream);
        if (frame.kind == SpdyFrame::Kind::Data) data[frame.stream] += frame.data;
        if (frame.fin) ended.insert(frame.stream);
      }
    }
  }
};

Task<SpdyClient> connectSpdy(World& world, std::string target, std::string protocols) {
  http::Request request{.method = "POST", .target = std::move(target)};
  request.headers = {
      {"Connection", "Upgrade"}, {"Upgrade", "SPDY/3.1"}, {"X-Stream-Protocol-Version", std::move(protocols)}};
  auto upgraded = co_await world.client->upgrade(request);
  EXPECT_EQ(upgraded->head.status, 101) << upgraded->head.body;
  co_return SpdyClient{std::move(upgraded->stream)};
}

Task<void> execsOverSpdy(World& world) {
  SpdyClient client = co_await connectSpdy(world, "/exec/default/p1/main?command=cat&input=1&output=1&error=1",
                                           "v4.channel.k8s.io, v3.channel.k8s.io");
  std::string streams = client.encoder.synStream(1, {{"streamType", "error"}});
  streams += client.encoder.synStream(3, {{"streamType", "stdin"}});
  streams += SpdyEncoder::data(3, "early");
  streams += client.encoder.synStream(5, {{"streamType", "stdout"}});
  streams += SpdyEncoder::ping(1) + client.encoder.synStream(7, {{"streamType", "stderr"}});
  co_await client.send(streams);
  co_await client.readUntil(5, "early");
  EXPECT_EQ(client.replied, (std::set<uint32_t>{1, 3, 5, 7}));
  co_await client.send(SpdyEncoder::data(3, "", true));
  co_await client.readUntil(1);
  EXPECT_EQ(client.data[1], R"({"metadata":{},"status":"Success"})");
  EXPECT_TRUE(client.ended.contains(5) && client.ended.contains(7));
}

Task<void> sendsTooMuchEarly(World& world) {
  SpdyClient client =
      co_await connectSpdy(world, "/exec/default/p1/main?command=cat&input=1&output=1", "v4.channel.k8s.io");
  const std::string frame = SpdyEncoder::data(3, std::string(64 * 1024, 'x'));
  co_await client.send(client.encoder.synStream(3, {{"streamType", "stdin"}}));
  Status sent;
  for (int i = 0; i < 1000 && sent; ++i) sent = co_await client.stream->write(frame);
  EXPECT_FALSE(sent.has_value()) << "the other side has kept 64 MB";
}

TEST(RemoteCommand, DataBeforeTheStreamsAreOpenIsBounded) {
  run(sendsTooMuchEarly);
}

TEST(RemoteCommand, ExecOverSpdy) {
  run(execsOverSpdy);
}

Task<void> forwardsPorts(SpdyClient& client) {
  const http::SpdyHeaders first = {{"streamtype", "error"}, {"port", "80"}, {"requestid", "0"}};
  std::string bytes = client.encoder.synStream(1, first, true);
  bytes += client.encoder.synStream(3, {{"streamtype", "data"}, {"port", "80"}, {"requestid", "0"}});
  bytes += client.encoder.synStream(5, {{"streamtype", "error"}, {"port", "1"}, {"requestid", "1"}}, true);
  bytes += client.encoder.synStream(7, {{"streamtype", "data"}, {"port", "1"}, {"requestid", "1"}});
  bytes += SpdyEncoder::data(3, "hello");
  co_await client.send(bytes);
  co_await client.readUntil(3, "hello");
  co_await client.readUntil(5);
  EXPECT_EQ(client.data[5], "error forwarding port 1 to pod default/p1: connection refused");
  std::string later = client.encoder.synStream(9, {{"streamtype", "error"}, {"port", "2"}, {"requestid", "2"}}, true);
  later += client.encoder.synStream(11, {{"streamtype", "data"}, {"port", "2"}, {"requestid", "2"}});
  co_await client.send(later);
  co_await client.readUntil(11);
  EXPECT_EQ(client.data[9], "error forwarding port 2 to pod default/p1: dial port 2: connection refused");
  co_await client.send(SpdyEncoder::data(3, "", true));
  co_await client.readUntil(3);
  co_await client.readUntil(1);
  EXPECT_EQ(client.data[1], "");
  EXPECT_TRUE(client.ended.contains(1) && client.ended.contains(3));
}

Task<void> forwardsOverSpdy(World& world) {
  SpdyClient client = co_await connectSpdy(world, "/portForward/default/p1", "portforward.k8s.io");
  co_await forwardsPorts(client);
}

TEST(PortForward, ConnectionsShareOneSpdyConnection) {
  run(forwardsOverSpdy);
}

/// The client's side of SPDY in a WebSocket.
class Tunnel final : public net::ByteStream {
 public:
  explicit Tunnel(WebSocketClient client) : client_(std::move(client)) {}
  Task<Result<size_t>> readSome(std::span<char> buffer) override {
    std::string next = co_await client_.next();
    if (next == "end" || next == "close") co_return size_t{0};
    next[0] = static_cast<char>(next[0] - '0');
    EXPECT_LE(next.size(), buffer.size());
    co_return next.copy(buffer.data(), buffer.size());
  }
  Task<Status> write(std::string_view bytes) override { return client_.send(std::string(bytes)); }
  Task<Status> shutdownWrite() override { return client_.stream->shutdownWrite(); }
  void close() override { client_.stream->close(); }
  const net::Peer& peer() const override { return client_.stream->peer(); }

 private:
  WebSocketClient client_;
};

Task<void> forwardsOverWebSocket(World& world) {
  auto socket = co_await connectWebSocket(world, "/portForward/default/p1", "SPDY/3.1+portforward.k8s.io");
  SpdyClient client{std::make_unique<Tunnel>(std::move(*socket))};
  co_await forwardsPorts(client);
}

TEST(PortForward, SpdyWithinAWebSocket) {
  run(forwardsOverWebSocket);
}

Task<void> stopsWhileBusy(World& world) {
  SpdyClient client = co_await connectSpdy(world, "/portForward/default/p1/uid-p1", "portforward.k8s.io");
  std::string bytes = client.encoder.synStream(1, {{"streamtype", "error"}, {"port", "80"}, {"requestid", "0"}}, true);
  bytes += client.encoder.synStream(3, {{"streamtype", "data"}, {"port", "80"}, {"requestid", "0"}});
  bytes += SpdyEncoder::data(3, "hello");
  co_await client.send(bytes);
  co_await client.readUntil(3, "hello");
  auto socket = co_await connectWebSocket(world, "/attach/default/p1/main?input=1&output=1", "v4.channel.k8s.io");
  const std::string got = co_await socket->next();
  EXPECT_EQ(world.backend.open_sessions, 2);
  co_await world.ports.stop(1ms);
}

TEST(PortForward, StopEndsWhatIsOpen) {
  run(stopsWhileBusy);
}

}  // namespace
}  // namespace slipway::kubelet
