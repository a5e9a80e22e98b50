#include <gtest/gtest.h>

#include "async/loop.h"
#include "tunnel/testing/echo_service.h"
#include "tunnel/testing/tunnel_pair.h"

// Calls over a whole tunnel and inside the process: both must feel the same.
namespace slipway::tunnel {
namespace {

using namespace std::chrono_literals;
using testing::EchoService;
using testing::quickOptions;
using testing::TunnelPair;

struct Scene {
  std::shared_ptr<Channel> channel;
  EchoService& echo;
};
using Scenario = Task<void> (*)(Scene);

Task<void> overATunnel(Scenario scenario) {
  const Executor executor = co_await async::thisExecutor();
  EchoService echo;
  TunnelPair pair(executor, echo.service, quickOptions(), quickOptions());
  pair.start();
  std::shared_ptr<Channel> channel = co_await pair.channel();
  Scene scene{channel, echo};
  co_await scenario(scene);
  co_await pair.stop();
  EXPECT_EQ(echo.running, 0);
}

Task<void> insideTheProcess(Scenario scenario) {
  const Executor executor = co_await async::thisExecutor();
  EchoService echo;
  {
    Scene scene{localChannel(executor, echo.service), echo};
    co_await scenario(scene);
  }
  // The channel cancelled what was left, and did not wait.
  while (echo.running > 0) co_await echo.changed.wait();
}

class Calls : public ::testing::TestWithParam<bool> {
 protected:
  void play(Scenario scenario) const {
    async::runToEnd(GetParam() ? overATunnel(scenario) : insideTheProcess(scenario));
  }
};
INSTANTIATE_TEST_SUITE_P(Both, Calls, ::testing::Bool(),
                         [](const auto& info) { return info.param ? "Tunnel" : "Local"; });

Task<void> echoesOne(Scene scene) {
  auto call = co_await scene.channel->open("/test/Echo");
  EXPECT_TRUE(call.has_value());
  for (const std::string& text : {std::string("hello"), std::string(), std::string(200'000, 'y')}) {
    const Status sent = co_await (*call)->send(text);
    EXPECT_TRUE(sent.has_value());
    const auto back = co_await (*call)->receive();
    EXPECT_TRUE(back.has_value() && back->has_value());
    EXPECT_EQ(**back, text);
  }
  co_await (*call)->closeSend();
  const auto end = co_await (*call)->receive();
  EXPECT_TRUE(end.has_value() && !end->has_value());
}

TEST_P(Calls, MessagesOfAnySizeComeBackAndHalfCloseEndsTheCall) {
  play(&echoesOne);
}

Task<void> refuses(Scene scene) {
  for (int code = 0; code <= static_cast<int>(Code::InsufficientStorage); ++code) {
    auto call = co_await scene.channel->open("/test/Refuse");
    co_await (*call)->send(fmt::format("{}:pod \"ä\" 100%\n", code));
    const auto answer = co_await (*call)->receive();
    EXPECT_FALSE(answer.has_value());
    EXPECT_EQ(static_cast<int>(answer.error().code), code);
    EXPECT_EQ(answer.error().message, "/test/Refuse: pod \"ä\" 100%\n");
  }
}

TEST_P(Calls, EveryErrorArrivesWithItsCodeAndText) {
  play(&refuses);
}

Task<void> unknown(Scene scene) {
  auto call = co_await scene.channel->open("/test/Nothing");
  const auto answer = co_await (*call)->receive();
  EXPECT_FALSE(answer.has_value());
  EXPECT_TRUE(answer.error().is(Code::NotImplemented));
}

TEST_P(Calls, AnUnknownMethodIsNotImplemented) {
  play(&unknown);
}

Task<void> slowReader(Scene scene) {
  auto slow = co_await scene.channel->open("/test/Source");
  // One message taken proves that the source began; then nobody reads.
  const auto first = co_await (*slow)->receive();
  EXPECT_TRUE(first.has_value());
  for (int i = 0; i < 200; ++i) {
    auto call = co_await scene.channel->open("/test/Echo");
    co_await (*call)->send("ping");
    co_await (*call)->closeSend();
    const auto back = co_await (*call)->receive();
    EXPECT_TRUE(back.has_value() && back->has_value());
  }
  // A window of 64 KiB, and what was in the making.
  EXPECT_LE(scene.echo.produced, 10U);
  for (int i = 0; i < 100; ++i) {
    const auto more = co_await (*slow)->receive();
    EXPECT_TRUE(more.has_value() && more->has_value());
  }
  EXPECT_GE(scene.echo.produced, 100U);
  (*slow)->cancel();
  co_await scene.echo.unwound(0);
}

TEST_P(Calls, ASlowReaderHoldsItsOwnCallBackAndNoOther) {
  play(&slowReader);
}

Task<void> cancelsHandler(Scene scene) {
  auto call = co_await scene.channel->open("/test/Hang");
  while (scene.echo.running == 0) co_await scene.echo.changed.wait();
  (*call)->cancel();
  co_await scene.echo.unwound(1);
  const auto answer = co_await (*call)->receive();
  EXPECT_FALSE(answer.has_value());
  const Status sent = co_await (*call)->send("x");
  EXPECT_FALSE(sent.has_value());
}

TEST_P(Calls, CancelUnwindsTheHandler) {
  play(&cancelsHandler);
}

Task<void> dropsCall(Scene scene) {
  {
    auto call = co_await scene.channel->open("/test/Hang");
    while (scene.echo.running == 0) co_await scene.echo.changed.wait();
  }
  co_await scene.echo.unwound(1);
}

TEST_P(Calls, DroppingACallCancelsIt) {
  play(&dropsCall);
}

Task<void> oneOfMany(std::shared_ptr<Channel> channel, int number, int& done) {
  auto call = co_await channel->open("/test/Echo");
  EXPECT_TRUE(call.has_value());
  for (int i = 0; i < 5; ++i) {
    const std::string text(static_cast<size_t>(number * 37 + i), static_cast<char>('a' + number % 26));
    co_await (*call)->send(text);
    const auto back = co_await (*call)->receive();
    EXPECT_TRUE(back.has_value() && back->has_value() && **back == text);
  }
  co_await (*call)->closeSend();
  const auto end = co_await (*call)->receive();
  EXPECT_TRUE(end.has_value() && !end->has_value());
  ++done;
}

Task<void> manyAtOnce(Scene scene) {
  const Executor executor = co_await async::thisExecutor();
  async::TaskGroup group(executor);
  int done = 0;
  for (int i = 0; i < 500; ++i) group.spawn("call", oneOfMany(scene.channel, i, done));
  co_await group.join();
  EXPECT_EQ(done, 500);
}

TEST_P(Calls, FiveHundredAtOnceDoNotMix) {
  play(&manyAtOnce);
}

Task<void> sendsAll(ClientCall& call, int count) {
  for (int i = 0; i < count; ++i) co_await call.send(std::string(50'000, 'z'));
  co_await call.closeSend();
}

Task<void> bothWaysAtOnce(Scene scene) {
  const Executor executor = co_await async::thisExecutor();
  auto call = co_await scene.channel->open("/test/Echo");
  async::TaskGroup group(executor);
  group.spawn("sender", sendsAll(**call, 100));
  int received = 0;
  while (true) {
    const auto message = co_await (*call)->receive();
    EXPECT_TRUE(message.has_value());
    if (!message || !*message) break;
    EXPECT_EQ((*message)->size(), 50'000U);
    ++received;
  }
  EXPECT_EQ(received, 100);
  co_await group.join();
}

TEST_P(Calls, DataFlowsBothWaysAtOnce) {
  play(&bothWaysAtOnce);
}

Task<void> sendsToTheDeaf(Scene scene) {
  auto call = co_await scene.channel->open("/test/Refuse");
  Status sent;
  // Far more than any window: it would hang if the end of the call did not wake it.
  for (int i = 0; i < 100 && sent; ++i) sent = co_await (*call)->send(std::string(50'000, 'x'));
  EXPECT_FALSE(sent.has_value());
  const auto answer = co_await (*call)->receive();
  EXPECT_FALSE(answer.has_value());
}

TEST_P(Calls, ACalleeThatEndsEarlyWakesTheSender) {
  play(&sendsToTheDeaf);
}

Task<void> tooBig(Scene scene) {
  auto call = co_await scene.channel->open("/test/Echo");
  const Status sent = co_await (*call)->send(std::string((64 << 20) + 1, 'x'));
  EXPECT_FALSE(sent.has_value());
  EXPECT_TRUE(sent.error().is(Code::RequestEntityTooLarge));
}

TEST_P(Calls, AMessageOverTheLimitIsNotSent) {
  play(&tooBig);
}

}  // namespace
}  // namespace slipway::tunnel
