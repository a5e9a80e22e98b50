#include "tunnel/endpoint.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "async/loop.h"
#include "net/tcp.h"
#include "tunnel/testing/certificates.h"
#include "tunnel/testing/echo_service.h"
#include "tunnel/testing/tunnel_pair.h"

namespace slipway::tunnel {
namespace {

using namespace std::chrono_literals;
using testing::EchoService;
using ::testing::HasSubstr;
using testing::quickOptions;
using testing::TunnelPair;

Task<void> echoOnce(std::shared_ptr<Channel> channel) {
  auto call = co_await channel->open("/test/Echo");
  EXPECT_TRUE(call.has_value());
  co_await (*call)->send("x");
  co_await (*call)->closeSend();
  const auto back = co_await (*call)->receive();
  EXPECT_TRUE(back.has_value() && back->has_value() && **back == "x");
}

Task<void> breaksInMidCall() {
  const Executor executor = co_await async::thisExecutor();
  EchoService echo;
  TunnelPair pair(executor, echo.service, quickOptions(), quickOptions());
  pair.start();
  const auto channel = co_await pair.channel();
  auto call = co_await channel->open("/test/Hang");
  while (echo.running == 0) co_await echo.changed.wait();
  pair.network.cut();
  const auto answer = co_await (*call)->receive();
  EXPECT_FALSE(answer.has_value());
  EXPECT_TRUE(answer.error().is(Code::ServiceUnavailable));
  co_await echo.unwound(1);
  co_await pair.gone();
  const auto refused = co_await channel->open("/test/Echo");
  EXPECT_FALSE(refused.has_value());
  EXPECT_TRUE(refused.error().is(Code::ServiceUnavailable));
  // It comes back by itself.
  const auto again = co_await pair.channel();
  co_await echoOnce(again);
  EXPECT_EQ(pair.opened, 2);
  co_await pair.stop();
}

TEST(Tunnel, ABreakFailsCallsCancelsHandlersAndHeals) {
  async::runToEnd(breaksInMidCall());
}

Task<void> dialsUntilItWorks() {
  const Executor executor = co_await async::thisExecutor();
  EchoService echo;
  TunnelPair pair(executor, echo.service, quickOptions(), quickOptions());
  pair.network.failDials(5);
  pair.start();
  const auto channel = co_await pair.channel();
  co_await echoOnce(channel);
  EXPECT_EQ(pair.network.dials(), 6);
  EXPECT_EQ(pair.states.size(), 6U);
  EXPECT_THAT(pair.states.front(), HasSubstr("nobody there"));
  EXPECT_EQ(pair.states.back(), "connected");
  co_await pair.stop();
}

TEST(Tunnel, DialsAgainUntilItWorks) {
  async::runToEnd(dialsUntilItWorks());
}

TunnelOptions watchful(std::chrono::nanoseconds time = 20ms) {
  TunnelOptions options = quickOptions();
  options.ping_interval = time;
  options.ping_timeout = time;
  return options;
}
TunnelOptions trusting() {
  TunnelOptions options = quickOptions();
  options.ping_interval = 0ns;
  return options;
}

/// A call whose handler runs, or ran: a watchful end gives up a tunnel early where the machine is slow, and then it is
/// a call by the next one.
Task<std::unique_ptr<ClientCall>> hangingCall(TunnelPair& pair, EchoService& echo) {
  while (true) {
    const auto channel = co_await pair.channel();
    const int tunnel = pair.opened;
    auto call = co_await channel->open("/test/Hang");
    const auto reached = [&echo] { return echo.running > 0 || echo.cancelled > 0; };
    while (call && !reached() && pair.opened == tunnel) co_await async::sleepFor(1ms);
    if (call && reached()) co_return std::move(*call);
    co_await async::sleepFor(1ms);
  }
}

Task<void> callerNotices() {
  const Executor executor = co_await async::thisExecutor();
  EchoService echo;
  TunnelPair pair(executor, echo.service, trusting(), watchful());
  pair.start();
  const auto call = co_await hangingCall(pair, echo);
  pair.network.swallow(true);
  const auto answer = co_await call->receive();
  EXPECT_FALSE(answer.has_value());
  EXPECT_THAT(answer.error().message, HasSubstr("silent"));
  co_await pair.gone();
  pair.network.swallow(false);
  co_await pair.stop();
}

TEST(Tunnel, TheAcceptingEndNoticesAHalfOpenConnection) {
  async::runToEnd(callerNotices());
}

Task<void> calleeNotices() {
  const Executor executor = co_await async::thisExecutor();
  EchoService echo;
  TunnelPair pair(executor, echo.service, watchful(), trusting());
  pair.start();
  const auto call = co_await hangingCall(pair, echo);
  pair.network.swallow(true);
  co_await echo.unwound(1);
  while (pair.states.size() < 2) co_await async::yield();
  EXPECT_THAT(pair.states[1], HasSubstr("silent"));
  pair.network.swallow(false);
  co_await pair.stop();
}

TEST(Tunnel, TheDiallingEndNoticesAHalfOpenConnection) {
  async::runToEnd(calleeNotices());
}

Task<void> staysUp(std::chrono::nanoseconds time, bool* stayed) {
  const Executor executor = co_await async::thisExecutor();
  EchoService echo;
  TunnelPair pair(executor, echo.service, watchful(time), watchful(time));
  pair.start();
  co_await pair.channel();
  co_await async::sleepFor(time * 10);
  *stayed = pair.opened == 1 && pair.states.size() == 1;
  co_await pair.stop();
}

TEST(Tunnel, AQuietTunnelThatAnswersPingsStays) {
  // The answers of a machine that stands still are late: then there is more time for them.
  bool stayed = false;
  for (std::chrono::nanoseconds time = 20ms; !stayed && time < 10s; time *= 4) async::runToEnd(staysUp(time, &stayed));
  EXPECT_TRUE(stayed);
}

Task<void> stopsCleanly() {
  const Executor executor = co_await async::thisExecutor();
  testing::MemoryNetwork network(executor);
  EchoService echo;
  SystemRandom random;
  DialingEnd dialling(network.dialer(), echo.service, quickOptions(), random);
  async::Channel<OpenTunnel> opened(4);
  AcceptingEnd accepting(executor, quickOptions(), [&opened](OpenTunnel tunnel) {
    opened.trySend(std::move(tunnel));
    return async::sleepFor(1h);
  });
  async::TaskGroup servers(executor);
  async::TaskGroup diallers(executor);
  servers.spawn("accepting", accepting.serve(network.listener(), nullptr));
  diallers.spawn("dialling", dialling.run());
  const auto tunnel = co_await opened.receive();
  auto call = co_await tunnel->channel->open("/test/Hang");
  while (echo.running == 0) co_await echo.changed.wait();
  co_await diallers.stop();
  EXPECT_EQ(echo.running, 0);
  const auto answer = co_await (*call)->receive();
  EXPECT_FALSE(answer.has_value());
  EXPECT_TRUE(answer.error().is(Code::ServiceUnavailable));
  EXPECT_THAT(answer.error().message, HasSubstr("the callee stops"));
  co_await accepting.stop();
  EXPECT_EQ(accepting.tunnels(), 0U);
  co_await servers.join();
}

TEST(Tunnel, StoppingTheDiallingEndJoinsHandlersAndTellsTheCaller) {
  async::runToEnd(stopsCleanly());
}

Task<void> hello(int& opened, OpenTunnel tunnel) {
  ++opened;
  EXPECT_EQ(tunnel.metadata.at("slipway-cluster"), "lumi");
  co_await echoOnce(tunnel.channel);
}

Task<void> onOpenReturns() {
  const Executor executor = co_await async::thisExecutor();
  testing::MemoryNetwork network(executor);
  EchoService echo;
  SystemRandom random;
  TunnelOptions options = quickOptions();
  options.metadata["slipway-cluster"] = "lumi";
  int opened = 0;
  async::Event again;
  DialingEnd dialling(network.dialer(), echo.service, options, random, [&](bool connected, const std::string& why) {
    if (!connected) EXPECT_THAT(why, HasSubstr("the other side closed the tunnel"));
    if (connected && opened > 0) again.set();
  });
  AcceptingEnd accepting(executor, quickOptions(),
                         [&opened](OpenTunnel tunnel) { return hello(opened, std::move(tunnel)); });
  async::TaskGroup group(executor);
  group.spawn("accepting", accepting.serve(network.listener(), nullptr));
  group.spawn("dialling", dialling.run());
  co_await again.wait();
  co_await group.stop();
}

TEST(Tunnel, TheReturnOfOnOpenClosesTheTunnelAndTheOtherSideDialsAgain) {
  async::runToEnd(onOpenReturns());
}

Task<void> swallowsRest(net::ByteStream& stream) {
  std::string buffer(4096, '\0');
  while (true) {
    const auto got = co_await stream.readSome(std::span<char>(buffer.data(), buffer.size()));
    if (!got || *got == 0) co_return;
  }
}

Task<void> turnsAwayStrangers() {
  const Executor executor = co_await async::thisExecutor();
  testing::MemoryNetwork network(executor);
  TunnelOptions options = quickOptions();
  options.handshake_timeout = 20ms;
  AcceptingEnd accepting(executor, options, [](OpenTunnel) { return async::sleepFor(1h); });
  async::TaskGroup group(executor);
  group.spawn("accepting", accepting.serve(network.listener(), nullptr));
  for (const std::string& greeting :
       {std::string("GET / HTTP/1.1\r\n\r\n"), std::string(), std::string("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
        std::string("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0", 33), std::string(100'000, '\xff')}) {
    auto stream = co_await network.dialer()->dial();
    const Status sent = co_await (*stream)->write(greeting);
    (void)sent;
    co_await swallowsRest(**stream);
  }
  EXPECT_EQ(accepting.tunnels(), 0U);
  co_await group.stop();
}

TEST(Tunnel, StrangersAreTurnedAwayInTime) {
  async::runToEnd(turnsAwayStrangers());
}

// ---- over TCP and TLS

Task<void> overTls() {
  const Executor executor = co_await async::thisExecutor();
  const testing::TlsSides sides = testing::makeTlsSides();
  auto listener = net::listenTcp(executor, "127.0.0.1", 0).value();
  const net::HostPort where{"127.0.0.1", listener->port()};
  std::shared_ptr<net::Dialer> dialer =
      net::tlsDialer(net::tcpDialer(where), net::TlsContext::client(sides.client).value(), "site.example");
  EchoService echo;
  SystemRandom random;
  DialingEnd dialling(dialer, echo.service, quickOptions(), random);
  async::Channel<OpenTunnel> opened(4);
  AcceptingEnd accepting(executor, quickOptions(), [&opened](OpenTunnel tunnel) {
    opened.trySend(std::move(tunnel));
    return async::sleepFor(1h);
  });
  async::TaskGroup group(executor);
  group.spawn("accepting", accepting.serve(std::move(listener), net::TlsContext::server(sides.server).value()));
  group.spawn("dialling", dialling.run());
  const auto tunnel = co_await opened.receive();
  EXPECT_EQ(tunnel->peer.common_name, "lumi");
  EXPECT_EQ(tunnel->peer.server_name, "site.example");
  EXPECT_EQ(tunnel->peer.protocol, "h2");
  co_await echoOnce(tunnel->channel);
  co_await group.stop();
}

TEST(Tunnel, RunsOverTls13WithEd25519AndTellsWhoDialled) {
  async::runToEnd(overTls());
}

}  // namespace
}  // namespace slipway::tunnel
