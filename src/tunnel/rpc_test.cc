#include "tunnel/rpc.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "async/loop.h"
#include "proto/site.pb.h"

namespace slipway::tunnel {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using Answer = site::v1::HelloResponse;

Task<Status> hello(ServerCall& call) {
  CO_TRY(const site::v1::HelloRequest request, co_await receiveRequest<site::v1::HelloRequest>(call));
  Answer answer;
  answer.set_cluster("lumi for " + request.controller_version());
  co_return co_await call.send(answer.SerializeAsString());
}

Task<Status> sendsNothing(ServerCall&) {
  co_return Status{};
}

Task<Status> sendsTwice(ServerCall& call) {
  CO_TRY_STATUS(co_await call.send(""));
  co_return co_await call.send("");
}

Task<Status> sendsGarbage(ServerCall& call) {
  co_return co_await call.send("\xff\xff");
}

Task<Status> hangs(ServerCall&, bool& unwound) {
  struct Tell {
    bool& unwound;
    ~Tell() { unwound = true; }
  } const tell{unwound};
  co_await async::sleepFor(1h);
  co_return Status{};
}

std::shared_ptr<Service> makeService(bool& unwound) {
  auto service = std::make_shared<Service>();
  service->on("/hello", [](ServerCall& call) { return hello(call); });
  service->on("/none", [](ServerCall& call) { return sendsNothing(call); });
  service->on("/two", [](ServerCall& call) { return sendsTwice(call); });
  service->on("/garbage", [](ServerCall& call) { return sendsGarbage(call); });
  service->on("/hang", [&unwound](ServerCall& call) { return hangs(call, unwound); });
  return service;
}

Task<Result<Answer>> ask(std::string method, std::chrono::nanoseconds deadline, bool& unwound) {
  const Executor executor = co_await async::thisExecutor();
  const auto channel = localChannel(executor, makeService(unwound));
  site::v1::HelloRequest request;
  request.set_controller_version("1.0");
  co_return co_await callUnary<Answer>(channel, std::move(method), std::move(request), deadline);
}

Result<Answer> asked(std::string method, std::chrono::nanoseconds deadline = 10s) {
  bool unwound = false;
  return async::runToEnd(ask(std::move(method), deadline, unwound));
}

TEST(CallUnary, GivesTheAnswer) {
  EXPECT_EQ(asked("/hello")->cluster(), "lumi for 1.0");
}

TEST(CallUnary, AnythingButOneAnswerIsAnError) {
  EXPECT_THAT(asked("/none").error().message, HasSubstr("without an answer"));
  EXPECT_THAT(asked("/two").error().message, HasSubstr("more than one answer"));
  EXPECT_TRUE(asked("/garbage").error().is(Code::BadRequest));
  EXPECT_TRUE(asked("/nowhere").error().is(Code::NotImplemented));
}

TEST(CallUnary, ADeadlineIsATimeoutThatNamesTheMethod) {
  const Result<Answer> late = asked("/hang", 5ms);
  EXPECT_TRUE(late.error().is(Code::Timeout));
  EXPECT_EQ(late.error().message, "/hang: no answer within 5ms");
}

Task<void> cancelsAtDeadline(bool& unwound) {
  const Executor executor = co_await async::thisExecutor();
  const auto channel = localChannel(executor, makeService(unwound));
  const auto late = co_await callUnary<Answer>(channel, "/hang", site::v1::HelloRequest(), 5ms);
  EXPECT_FALSE(late.has_value());
  while (!unwound) co_await async::yield();
}

TEST(CallUnary, ADeadlineUnwindsTheHandler) {
  bool unwound = false;
  async::runToEnd(cancelsAtDeadline(unwound));
  EXPECT_TRUE(unwound);
}

Task<void> sendsWrongly(std::vector<std::string> requests, std::string expected) {
  const Executor executor = co_await async::thisExecutor();
  bool unwound = false;
  const auto channel = localChannel(executor, makeService(unwound));
  auto call = co_await channel->open("/hello");
  for (const std::string& request : requests) {
    const Status sent = co_await (*call)->send(request);
    EXPECT_TRUE(sent.has_value());
  }
  co_await (*call)->closeSend();
  const auto answer = co_await (*call)->receive();
  EXPECT_FALSE(answer.has_value());
  EXPECT_TRUE(answer.error().is(Code::BadRequest));
  EXPECT_THAT(answer.error().message, HasSubstr(expected));
}

TEST(ReceiveRequest, WantsExactlyOneGoodMessage) {
  async::runToEnd(sendsWrongly({}, "without a request"));
  async::runToEnd(sendsWrongly({"", ""}, "more than one request"));
  async::runToEnd(sendsWrongly({"\xff"}, "not a valid message"));
}

}  // namespace
}  // namespace slipway::tunnel
