// How fast calls are: inside the process, over a tunnel in memory, and over TCP with TLS. `ninja tunnel_bench`.
#include <cstdio>

#include "async/loop.h"
#include "net/tcp.h"
#include "tunnel/testing/certificates.h"
#include "tunnel/testing/echo_service.h"
#include "tunnel/testing/tunnel_pair.h"

namespace slipway::tunnel {
namespace {

using std::chrono::steady_clock;

double secondsSince(steady_clock::time_point begin) {
  return std::chrono::duration<double>(steady_clock::now() - begin).count();
}

Task<void> unaryCalls(std::shared_ptr<Channel> channel, int count) {
  for (int i = 0; i < count; ++i) {
    auto call = co_await channel->open("/test/Echo");
    co_await (*call)->send("a request of some thirty bytes");
    co_await (*call)->closeSend();
    co_await (*call)->receive();
    co_await (*call)->receive();
  }
}

Task<void> measure(std::string name, std::shared_ptr<Channel> channel) {
  const Executor executor = co_await async::thisExecutor();
  auto begin = steady_clock::now();
  co_await unaryCalls(channel, 2000);
  const double alone = 2000 / secondsSince(begin);
  begin = steady_clock::now();
  async::TaskGroup group(executor);
  for (int i = 0; i < 50; ++i) group.spawn("calls", unaryCalls(channel, 200));
  co_await group.join();
  const double together = 10000 / secondsSince(begin);
  constexpr int kMessages = 16384;
  auto call = co_await channel->open("/test/Source");
  begin = steady_clock::now();
  for (int i = 0; i < kMessages; ++i) co_await (*call)->receive();
  const double megabytes = kMessages * 16384.0 / 1e6 / secondsSince(begin);
  (*call)->cancel();
  std::printf("%-8s %8.0f calls/s one by one, %8.0f calls/s with 50 at once, %6.0f MB/s down one stream\n",
              name.c_str(), alone, together, megabytes);
}

Task<void> hand(async::Channel<std::shared_ptr<Channel>>& to, OpenTunnel tunnel) {
  to.trySend(tunnel.channel);
  co_await async::sleepFor(std::chrono::hours(1));
}

Task<void> measureAll() {
  const Executor executor = co_await async::thisExecutor();
  testing::EchoService echo;
  co_await measure("local", localChannel(executor, echo.service));

  testing::TunnelPair pair(executor, echo.service);
  pair.start();
  std::shared_ptr<Channel> channel = co_await pair.channel();
  co_await measure("memory", channel);

  const testing::TlsSides sides = testing::makeTlsSides();
  auto listener = net::listenTcp(executor, "127.0.0.1", 0).value();
  const net::HostPort where{"127.0.0.1", listener->port()};
  const std::shared_ptr<net::Dialer> dialer =
      net::tlsDialer(net::tcpDialer(where), net::TlsContext::client(sides.client).value(), "site.example");
  SystemRandom random;
  DialingEnd dialling(dialer, echo.service, {}, random);
  async::Channel<std::shared_ptr<Channel>> opened(1);
  AcceptingEnd accepting(executor, {}, [&opened](OpenTunnel tunnel) { return hand(opened, std::move(tunnel)); });
  async::TaskGroup group(executor);
  group.spawn("accepting", accepting.serve(std::move(listener), net::TlsContext::server(sides.server).value()));
  group.spawn("dialling", dialling.run());
  std::optional<std::shared_ptr<Channel>> secure = co_await opened.receive();
  co_await measure("TLS 1.3", *secure);
  co_await group.stop();
  co_await pair.stop();
  while (echo.running > 0) co_await echo.changed.wait();
}

}  // namespace
}  // namespace slipway::tunnel

int main() {
  slipway::async::runToEnd(slipway::tunnel::measureAll());
}
