#include "supervisor/grpc_health.h"

#include <gtest/gtest.h>

#include "async/deadline.h"
#include "async/loop.h"
#include "tunnel/h2_connection.h"

namespace slipway::supervisor {
namespace {

using namespace std::chrono_literals;

/// A health server in this process: one connection, which answers with given bytes or a given status.
struct HealthServer {
  std::string answer{"\x08\x01", 2};
  tunnel::GrpcCode code = tunnel::GrpcCode::Ok;
  bool silent = false;
  std::string asked_path;
  std::string asked_with;

  Task<void> serve(std::shared_ptr<tunnel::GrpcStream> stream) {
    asked_path = tunnel::headerValue(stream->requestHeaders(), ":path");
    const auto request = co_await stream->receive();
    if (request && *request) asked_with = **request;
    if (silent) co_return;
    if (code == tunnel::GrpcCode::Ok) {
      stream->respond({});
      stream->send(answer);
    }
    stream->finish(code, "said so");
  }

  Task<void> run(std::unique_ptr<net::Listener> listener) {
    const Executor executor = co_await async::thisExecutor();
    auto accepted = co_await listener->accept();
    async::TaskGroup calls(executor);
    tunnel::H2Connection connection(std::move(*accepted), tunnel::H2Session::Role::Server, {},
                                    [&](auto stream) { calls.spawn("call", serve(std::move(stream))); });
    co_await connection.run();
    co_await calls.stop();
  }

  Task<Status> check(std::string service, std::chrono::nanoseconds limit) {
    const Executor executor = co_await async::thisExecutor();
    auto listener = net::listenTcp(executor, "127.0.0.1", 0);
    const net::HostPort where{"127.0.0.1", (*listener)->port()};
    async::TaskGroup group(executor);
    group.spawn("server", run(std::move(*listener)));
    auto checking = checkGrpcHealth(where, std::move(service));
    const Status checked = co_await async::withDeadline(std::move(checking), limit, "probe");
    co_await group.stop();
    co_return checked;
  }

  Status operator()(std::string service = "", std::chrono::nanoseconds limit = 10s) {
    return async::runToEnd(check(std::move(service), limit));
  }
};

TEST(GrpcHealth, ServingIsFine) {
  HealthServer server;
  EXPECT_TRUE(server().has_value());
  EXPECT_EQ(server.asked_path, "/grpc.health.v1.Health/Check");
  EXPECT_EQ(server.asked_with, "");
  const std::string long_name(200, 's');
  EXPECT_TRUE(server(long_name).has_value());
  EXPECT_EQ(server.asked_with, "\x0A\xC8\x01" + long_name);
}

TEST(GrpcHealth, EverythingElseIsAFailureWithItsReason) {
  const auto message = [](HealthServer server) {
    const Status checked = server("db");
    return checked ? "fine" : checked.error().message;
  };
  const auto answering = [](std::string bytes) {
    HealthServer server;
    server.answer = std::move(bytes);
    return server;
  };
  EXPECT_EQ(message(answering({"\x08\x02", 2})), "service unhealthy (responded with \"NOT_SERVING\")");
  EXPECT_EQ(message(answering("")), "service unhealthy (responded with \"UNKNOWN\")");
  EXPECT_EQ(message(answering("garbage")), "gRPC health: the answer is no HealthCheckResponse");
  HealthServer without;
  without.code = tunnel::GrpcCode::Unimplemented;
  EXPECT_NE(message(without).find("does not implement the grpc health protocol"), std::string::npos);
}

TEST(GrpcHealth, AServerThatNeverAnswersEndsWithTheDeadline) {
  HealthServer server;
  server.silent = true;
  const Status checked = server("", 100ms);
  ASSERT_FALSE(checked.has_value());
  EXPECT_TRUE(checked.error().is(Code::Timeout));
}

}  // namespace
}  // namespace slipway::supervisor
