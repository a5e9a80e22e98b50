#include "http/server.h"

#include <gtest/gtest.h>

#include "async/deadline.h"
#include "async/loop.h"
#include "http/client.h"
#include "net/tcp.h"

namespace slipway::http {
namespace {

using namespace std::chrono_literals;

Task<void> answer(Exchange& exchange) {
  const Request& request = exchange.request();
  const std::string_view path = request.path();
  if (path == "/echo") {
    Response response{.headers = {{"X-Method", request.method}}, .body = request.body};
    co_await exchange.respond(std::move(response));
  } else if (path == "/large") {
    Response response;
    response.body.assign(3 << 20, 'l');
    co_await exchange.respond(std::move(response));
  } else if (path == "/stream") {
    co_await exchange.stream({});
    co_await exchange.write("one ");
    co_await exchange.write("");
    co_await exchange.write("two");
    co_await exchange.finish();
  } else if (path == "/broken") {
    co_await exchange.stream({});
    co_await exchange.write("half");
  } else if (path == "/throws") {
    throw std::runtime_error("a bug");
  } else if (path == "/injects") {
    co_await exchange.respond({.headers = {{"X", "a\r\nEvil: yes"}}});
  } else if (path == "/upgrade") {
    auto stream = co_await exchange.upgrade({.status = 101, .headers = {{"Connection", "Upgrade"}, {"Upgrade", "x"}}});
    std::array<char, 100> buffer;
    const auto count = co_await (*stream)->readSome(buffer);
    co_await (*stream)->write(std::string(buffer.data(), *count));
  }
}

struct Site {
  std::unique_ptr<Server> server;
  std::unique_ptr<async::TaskGroup> group;
  uint16_t port = 0;
  std::unique_ptr<Client> client;
};

Task<Site> start(ServerOptions options, Handler handler) {
  const Executor executor = co_await async::thisExecutor();
  Site site;
  site.server = std::make_unique<Server>(executor, options, std::move(handler));
  site.group = std::make_unique<async::TaskGroup>(executor);
  auto listener = net::listenTcp(executor, "127.0.0.1", 0).value();
  site.port = listener->port();
  site.group->spawn("serve", site.server->serve(std::move(listener), nullptr));
  site.client = std::make_unique<Client>(executor, net::tcpDialer({"127.0.0.1", site.port}));
  co_return site;
}

Task<void> stop(Site& site) {
  site.client.reset();
  co_await site.server->stop(50ms);
  co_await site.group->stop();
}

Task<std::string> readAll(net::ByteStream& stream) {
  std::string out;
  std::array<char, 1000> buffer;
  while (true) {
    const auto count = co_await stream.readSome(buffer);
    if (!count || *count == 0) co_return out;
    out.append(buffer.data(), *count);
  }
}

// Sends bytes in pieces and gives everything that comes until the server closes.
Task<std::string> raw(uint16_t port, std::string bytes, size_t piece = 100000) {
  auto stream = co_await net::dialTcp({"127.0.0.1", port});
  for (size_t at = 0; at < bytes.size(); at += piece) {
    const Status sent = co_await (*stream)->write(std::string_view(bytes).substr(at, piece));
    if (!sent) break;
    if (piece == 1) co_await async::yield();
  }
  auto all = co_await readAll(**stream);
  co_return all;
}

void run(Task<void> (*test)(Site&), ServerOptions options = {}, Handler handler = answer) {
  const auto all = [](auto what, ServerOptions limits, Handler handle) -> Task<void> {
    Site site = co_await start(limits, std::move(handle));
    co_await what(site);
    co_await stop(site);
  };
  async::runToEnd(all(test, options, std::move(handler)));
}

Task<void> sendsEverything(Site& site) {
  for (const char* method : {"GET", "POST", "PUT", "PATCH", "DELETE"}) {
    const auto got = co_await site.client->send({.method = method, .target = "/echo?x=y", .body = "hello"});
    EXPECT_EQ(got.value().status, 200);
    EXPECT_EQ(got->body, "hello");
    EXPECT_EQ(got->headers.get("x-method"), method);
    EXPECT_FALSE(got->headers.get("date").empty());
  }
  const auto head = co_await site.client->send({.method = "HEAD", .target = "/large"});
  EXPECT_EQ(head->headers.get("Content-Length"), "3145728");
  const auto large = co_await site.client->send({.target = "/large"});
  EXPECT_EQ(large->body.size(), 3U << 20U);
  const std::string body(2 << 20, 'b');
  const auto echoed = co_await site.client->send({.method = "POST", .target = "/echo", .body = body});
  EXPECT_TRUE(echoed->body == body);
  const auto streamed = co_await site.client->send({.target = "/stream"});
  EXPECT_EQ(streamed->body, "one two");
  EXPECT_EQ(site.server->connections(), 1U);
}

TEST(Http, RequestsShareAKeptConnection) {
  run(sendsEverything);
}

Task<void> meetsFaults(Site& site) {
  const auto thrown = co_await site.client->send({.target = "/throws"});
  EXPECT_EQ(thrown->status, 500);
  const auto silent = co_await site.client->send({.target = "/silent"});
  EXPECT_EQ(silent->status, 500);
  const auto broken = co_await site.client->send({.target = "/broken"});
  EXPECT_TRUE(broken.error().is(Code::ServiceUnavailable)) << broken.error().message;
  const auto injected = co_await site.client->send({.target = "/injects"});
  EXPECT_EQ(injected->headers.get("X"), "a  Evil: yes");
  EXPECT_FALSE(injected->headers.has("Evil"));
}

TEST(Http, FaultsOfAHandlerAreAnAnswerOrABrokenOne) {
  run(meetsFaults);
}

Task<void> pipelines(Site& site) {
  const std::string one = "GET /stream HTTP/1.1\r\nHost: h\r\n\r\n";
  const std::string last = "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi";
  for (const size_t piece : {size_t{1}, size_t{7}, size_t{1000}}) {
    const std::string all = co_await raw(site.port, one + one + last, piece);
    EXPECT_NE(all.find("one "), all.rfind("one "));
    EXPECT_TRUE(all.ends_with("hi"));
  }
}

TEST(Http, PipelinedRequestsAreAnsweredInTurn) {
  run(pipelines);
}

Task<void> oldClients(Site& site) {
  const std::string all = co_await raw(site.port, "GET /stream HTTP/1.0\r\n\r\n");
  EXPECT_TRUE(all.ends_with("\r\n\r\none two")) << all;
  EXPECT_NE(all.find("Connection: close"), std::string::npos);
}

TEST(Http, Http10GetsAPlainBodyUntilTheEnd) {
  run(oldClients);
}

Task<void> breaksLimits(Site& site) {
  const std::string head = "POST /echo HTTP/1.1\r\nHost: h\r\n";
  std::string all = co_await raw(site.port, head + "Content-Length: 2000\r\n\r\n" + std::string(2000, 'x'));
  EXPECT_TRUE(all.starts_with("HTTP/1.1 413 ")) << all;
  all = co_await raw(site.port, head + "X: " + std::string(5000, 'x') + "\r\n\r\n");
  EXPECT_TRUE(all.starts_with("HTTP/1.1 431 ")) << all;
  all = co_await raw(site.port, "rubbish\r\n\r\n");
  EXPECT_TRUE(all.starts_with("HTTP/1.1 400 ")) << all;
  all = co_await raw(site.port, head + "Content-Length: 2000\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_TRUE(all.starts_with("HTTP/1.1 413 ")) << all;
  const auto still = co_await site.client->send({.target = "/stream"});
  EXPECT_EQ(still->status, 200);
}

TEST(Http, LimitsAreAnsweredAndCostOnlyTheirClient) {
  run(breaksLimits, {.max_header_bytes = 1000, .max_body_bytes = 1000});
}

Task<void> continues(Site& site) {
  auto stream = co_await net::dialTcp({"127.0.0.1", site.port});
  co_await (*stream)->write("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n");
  std::array<char, 100> buffer;
  const auto count = co_await (*stream)->readSome(buffer);
  EXPECT_EQ(std::string(buffer.data(), *count), "HTTP/1.1 100 Continue\r\n\r\n");
  co_await (*stream)->write("hi");
  co_await (*stream)->shutdownWrite();
  const std::string all = co_await readAll(**stream);
  EXPECT_TRUE(all.starts_with("HTTP/1.1 200 "));
}

TEST(Http, ExpectContinueIsAnswered) {
  run(continues);
}

Task<void> isSlow(Site& site) {
  std::string all = co_await raw(site.port, "GET / HT");
  EXPECT_TRUE(all.starts_with("HTTP/1.1 408 ")) << all;
  all = co_await raw(site.port, "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nh");
  EXPECT_TRUE(all.starts_with("HTTP/1.1 408 ")) << all;
  all = co_await raw(site.port, "");
  EXPECT_EQ(all, "");
  all = co_await raw(site.port, "GET /stream HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_TRUE(all.ends_with("0\r\n\r\n")) << all;
}

TEST(Http, SlowClientsGet408AndIdleOnesAreClosed) {
  run(isSlow, {.header_timeout = 50ms, .body_timeout = 50ms, .idle_timeout = 50ms});
}

Task<void> neverReads(Site& site) {
  auto stream = co_await net::dialTcp({"127.0.0.1", site.port});
  std::string requests;
  for (int i = 0; i < 10; ++i) requests += "GET /large HTTP/1.1\r\nHost: h\r\n\r\n";
  co_await (*stream)->write(requests);
  while (site.server->connections() == 0) co_await async::yield();
  while (site.server->connections() > 0) co_await async::sleepFor(1ms);
}

TEST(Http, ClientThatDoesNotReadIsDropped) {
  run(neverReads, {.write_timeout = 50ms});
}

Task<void> fills(Site& site) {
  const auto first = co_await site.client->send({.target = "/stream"});
  EXPECT_EQ(first->status, 200);
  EXPECT_EQ(site.server->connections(), 1U);
  const std::string all = co_await raw(site.port, "GET /stream HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
  EXPECT_TRUE(all.starts_with("HTTP/1.1 200 ")) << all;
  const auto again = co_await site.client->send({.target = "/stream"});
  EXPECT_EQ(again.value().status, 200);
}

TEST(Http, IdleConnectionGivesWayWhenAllAreTaken) {
  run(fills, {.max_connections = 1});
}

Task<void> waitsForTheClient(Exchange& exchange) {
  co_await exchange.stream({});
  co_await exchange.write("begun");
  co_await exchange.clientGone();
}

Task<void> leaves(Site& site) {
  {
    const auto open = co_await site.client->open({.target = "/"});
    EXPECT_EQ((*open)->head().status, 200);
    std::array<char, 100> buffer;
    const auto count = co_await (*open)->readSome(buffer);
    EXPECT_EQ(std::string(buffer.data(), *count), "begun");
    EXPECT_EQ(site.server->connections(), 1U);
  }
  while (site.server->connections() > 0) co_await async::sleepFor(1ms);
}

TEST(Http, HandlerLearnsThatTheClientLeft) {
  run(leaves, {}, waitsForTheClient);
}

Task<void> waitsBriefly(Exchange& exchange) {
  // A watch that times out: the wait for the client is given up, the connection goes on.
  const auto gone = [](Exchange& one) -> Task<Result<int>> {
    co_await one.clientGone();
    co_return 1;
  };
  const auto left = co_await async::withDeadline(gone(exchange), 1ms, "x");
  co_await exchange.respond({.body = left ? "left" : "stayed"});
}

Task<void> goesOn(Site& site) {
  for (int i = 0; i < 5; ++i) {
    const auto got = co_await site.client->send({.target = "/"});
    EXPECT_EQ(got.value().body, "stayed");
  }
  EXPECT_EQ(site.server->connections(), 1U);
}

TEST(Http, ConnectionIsUsedAgainAfterWaitingForItsClient) {
  run(goesOn, {}, waitsBriefly);
}

Task<void> takesOver(Site& site) {
  auto upgraded = co_await site.client->upgrade({.target = "/upgrade"});
  EXPECT_EQ(upgraded->head.status, 101);
  co_await upgraded->stream->write("ping");
  const std::string all = co_await readAll(*upgraded->stream);
  EXPECT_EQ(all, "ping");
  const auto refused = co_await site.client->upgrade({.target = "/stream"});
  EXPECT_EQ(refused->stream, nullptr);
  EXPECT_EQ(refused->head.body, "one two");
  const std::string early =
      co_await raw(site.port, "GET /upgrade HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\n\r\nearly");
  EXPECT_TRUE(early.ends_with("\r\n\r\nearly")) << early;
}

TEST(Http, UpgradeHandsOverTheConnectionWithEarlyBytes) {
  run(takesOver);
}

Task<void> stopsInTime(Site& site) {
  const auto open = co_await site.client->open({.target = "/"});
  EXPECT_TRUE(open.has_value());
  co_await site.server->stop(10ms);
  EXPECT_EQ(site.server->connections(), 0U);
  const auto refused = co_await site.client->send({.target = "/"});
  EXPECT_TRUE(refused.error().is(Code::ServiceUnavailable));
}

TEST(Http, StopEndsHandlersAfterTheGraceTime) {
  run(stopsInTime, {}, waitsForTheClient);
}

// Answers one request, then closes the kept connection; forgets the next connection's first request.
Task<void> fickle(net::Listener& listener, int& connections) {
  while (true) {
    auto stream = co_await listener.accept();
    ++connections;
    std::array<char, 1000> buffer;
    co_await (*stream)->readSome(buffer);
    co_await (*stream)->write("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx");
    co_await (*stream)->readSome(buffer);
  }
}

Task<void> repeats() {
  const Executor executor = co_await async::thisExecutor();
  auto listener = net::listenTcp(executor, "127.0.0.1", 0).value();
  int connections = 0;
  async::TaskGroup group(executor);
  group.spawn("server", fickle(*listener, connections));
  Client client(executor, net::tcpDialer({"127.0.0.1", listener->port()}));
  for (int i = 0; i < 3; ++i) {
    const auto got = co_await client.send({.target = "/"});
    EXPECT_EQ(got.value().body, "x");
  }
  EXPECT_EQ(connections, 3);
  const auto posted = co_await client.send({.method = "POST", .target = "/"});
  EXPECT_FALSE(posted.has_value());
  co_await group.stop();
}

TEST(HttpClient, RequestOnADeadKeptConnectionIsRepeatedWhereAllowed) {
  async::runToEnd(repeats());
}

Task<void> never(Exchange& /*exchange*/) {
  co_await async::sleepFor(1h);
}

Task<void> timesOut(Site& site) {
  const auto late = co_await site.client->send({.target = "/p?secret=x"}, 10ms);
  EXPECT_TRUE(late.error().is(Code::Timeout));
  EXPECT_EQ(late.error().message, fmt::format("GET 127.0.0.1:{}/p: no answer within 10ms", site.port));
}

TEST(HttpClient, DeadlineNamesTheRequest) {
  run(timesOut, {}, never);
}

}  // namespace
}  // namespace slipway::http
