#include "net/tcp.h"

#include <gtest/gtest.h>

#include "async/deadline.h"
#include "async/loop.h"
#include "base/files.h"
#include "base/strings.h"

namespace slipway::net {
namespace {

using namespace std::chrono_literals;

TEST(HostPort, ReadsEveryFormOfAnEndpoint) {
  const auto check = [](std::string_view text, uint16_t otherwise, std::string_view expected) {
    const auto parsed = parseHostPort(text, otherwise);
    ASSERT_TRUE(parsed.has_value()) << text;
    EXPECT_EQ(parsed->str(), expected);
  };
  check("example.org:443", 0, "example.org:443");
  check("example.org", 443, "example.org:443");
  check("1.2.3.4:40404", 0, "1.2.3.4:40404");
  check("[::1]:443", 0, "[::1]:443");
  check("[::1]", 443, "[::1]:443");
  check("fe80::1", 80, "[fe80::1]:80");
  EXPECT_TRUE(parseHostPort("[::1]:443")->isIp());
  EXPECT_TRUE(parseHostPort("1.2.3.4:1")->isIp());
  EXPECT_FALSE(parseHostPort("1.2.3.example:1")->isIp());
}

TEST(HostPort, RefusesTheRestWithTheText) {
  for (const char* text : {"", "example.org", "example.org:", "example.org:0", "example.org:65536", "h:4x", "[::1",
                           "[x]:1", "[::1]1", "a b:1", "dns:///h:443", ":443"}) {
    const auto parsed = parseHostPort(text);
    ASSERT_FALSE(parsed.has_value()) << text;
    EXPECT_NE(parsed.error().message.find(fmt::format("\"{}\"", text)), std::string::npos) << parsed.error().message;
  }
}

Task<Result<std::string>> readAll(ByteStream& stream) {
  std::string out;
  std::array<char, 1000> buffer;
  while (true) {
    CO_TRY(const size_t count, co_await stream.readSome(buffer));
    if (count == 0) co_return out;
    out.append(buffer.data(), count);
  }
}

Task<void> echoOnce(Listener& listener) {
  auto stream = co_await listener.accept();
  const auto all = co_await readAll(**stream);
  co_await (*stream)->write(*all);
  co_await (*stream)->shutdownWrite();
}

Task<void> writeAndEnd(ByteStream& stream, std::string_view bytes) {
  co_await stream.write(bytes);
  co_await stream.shutdownWrite();
}

Task<std::string> exchange(ByteStream& stream, std::string bytes) {
  const Executor executor = co_await async::thisExecutor();
  async::TaskGroup group(executor);
  group.spawn("write", writeAndEnd(stream, bytes));
  auto all = co_await readAll(stream);
  co_await group.join();
  co_return all.value_or("failed");
}

Task<void> sendsAMegabyteThere(bool unix_socket) {
  const Executor executor = co_await async::thisExecutor();
  const TemporaryDirectory directory;
  const std::string path = directory.path() / "s";
  auto listener = unix_socket ? listenUnix(executor, path) : listenTcp(executor, "127.0.0.1", 0);
  EXPECT_TRUE(listener.has_value());
  async::TaskGroup group(executor);
  group.spawn("echo", echoOnce(**listener));
  Result<StreamPtr> stream = failure(Code::InternalError, "");
  if (unix_socket) {
    stream = co_await dialUnix(path);
  } else {
    stream = co_await dialTcp({"127.0.0.1", (*listener)->port()});
  }
  EXPECT_TRUE(stream.has_value());
  const std::string bytes(1 << 20, 'x');
  const std::string back = co_await exchange(**stream, bytes);
  EXPECT_TRUE(back == bytes);
  co_await group.join();
}

TEST(Tcp, CarriesBytesBothWaysAndHalfClose) {
  async::runToEnd(sendsAMegabyteThere(false));
}
TEST(Unix, CarriesBytesBothWaysAndHalfClose) {
  async::runToEnd(sendsAMegabyteThere(true));
}

TEST(Tcp, RefusedConnectionNamesTheAddress) {
  const auto stream = async::runToEnd(dialTcp({"127.0.0.1", 1}));
  ASSERT_FALSE(stream.has_value());
  EXPECT_EQ(stream.error().message, "connecting to 127.0.0.1:1: Connection refused");
}

Task<void> closesWhileAccepting() {
  const Executor executor = co_await async::thisExecutor();
  auto listener = listenTcp(executor, "127.0.0.1", 0).value();
  const auto again = listenTcp(executor, "127.0.0.1", listener->port());
  EXPECT_TRUE(again.error().is(Code::AlreadyExists)) << again.error().message;
  asio::post(executor, [&] { listener->close(); });
  const auto accepted = co_await listener->accept();
  EXPECT_TRUE(accepted.error().is(Code::ServiceUnavailable));
}

TEST(Tcp, CloseEndsAccept) {
  async::runToEnd(closesWhileAccepting());
}

Task<void> pairEchoes() {
  const Executor executor = co_await async::thisExecutor();
  auto [a, b] = streamPair(executor);
  async::TaskGroup group(executor);
  const std::string bytes(300000, 'y');
  group.spawn("write", writeAndEnd(*a, bytes));
  const auto all = co_await readAll(*b);
  EXPECT_TRUE(*all == bytes);
  a->close();
  std::array<char, 1> buffer;
  const auto own = co_await a->readSome(buffer);
  EXPECT_TRUE(own.error().is(Code::ServiceUnavailable));
}

TEST(StreamPair, HoldsBackAWriterAndEnds) {
  async::runToEnd(pairEchoes());
}

// Answers one CONNECT with `answer`, keeps the request, then echoes.
Task<void> proxyOnce(Listener& listener, std::string answer, std::string& request) {
  auto stream = co_await listener.accept();
  std::array<char, 1000> buffer;
  while (request.find("\r\n\r\n") == std::string::npos) {
    const auto count = co_await (*stream)->readSome(buffer);
    request.append(buffer.data(), *count);
  }
  co_await (*stream)->write(answer);
  const auto rest = co_await readAll(**stream);
  co_await (*stream)->write(*rest);
  co_await (*stream)->shutdownWrite();
}

Task<void> goesThroughAProxy() {
  const Executor executor = co_await async::thisExecutor();
  auto listener = listenTcp(executor, "127.0.0.1", 0).value();
  std::string request;
  async::TaskGroup group(executor);
  group.spawn("proxy", proxyOnce(*listener, "HTTP/1.1 200 fine\r\nX: y\r\n\r\nearly ", request));
  const auto dialer = tcpDialer({"site.example", 443}, fmt::format("http://u:p%40@127.0.0.1:{}/", listener->port()));
  auto stream = co_await dialer->dial();
  EXPECT_TRUE(stream.has_value()) << stream.error().message;
  const std::string back = co_await exchange(**stream, "hello");
  EXPECT_EQ(back, "early hello");
  EXPECT_EQ(request,
            "CONNECT site.example:443 HTTP/1.1\r\nHost: site.example:443\r\n"
            "Proxy-Authorization: Basic " +
                base64Encode("u:p@") + "\r\n\r\n");
  co_await group.join();
}

TEST(Proxy, ConnectsThroughIt) {
  async::runToEnd(goesThroughAProxy());
}

Task<void> isRefusedByAProxy() {
  const Executor executor = co_await async::thisExecutor();
  auto listener = listenTcp(executor, "127.0.0.1", 0).value();
  std::string request;
  async::TaskGroup group(executor);
  group.spawn("proxy", proxyOnce(*listener, "HTTP/1.1 407 Who are you\r\n\r\n", request));
  const auto dialer = tcpDialer({"site.example", 443}, fmt::format("127.0.0.1:{}", listener->port()));
  const auto stream = co_await dialer->dial();
  EXPECT_EQ(stream.error().message,
            fmt::format("connecting to site.example:443 through the proxy 127.0.0.1:{}: it answered \"HTTP/1.1 407 Who "
                        "are you\"",
                        listener->port()));
  co_await group.stop();
}

TEST(Proxy, RefusalNamesProxyAndAnswer) {
  async::runToEnd(isRefusedByAProxy());
}

TEST(Proxy, PasswordsStayOutOfMessages) {
  const auto dialer = tcpDialer({"site.example", 443}, "http://u:secret@bad host:1");
  const auto stream = async::runToEnd(dialer->dial());
  EXPECT_EQ(stream.error().message.find("secret"), std::string::npos);
  EXPECT_FALSE(async::runToEnd(tcpDialer({"a", 1}, "socks5://x:1")->dial()).has_value());
}

}  // namespace
}  // namespace slipway::net
