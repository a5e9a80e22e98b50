#include "agent/step_relay.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include "async/loop.h"
#include "net/socket_stream.h"
#include "slurm/testing/fake_driver.h"

namespace slipway::agent {
namespace {

using namespace std::chrono_literals;

/// A hub that hears one word and answers with another, and a step whose program says the word.
class StepRelayTest : public ::testing::Test {
 public:
  // Bodies of the tests.
  Task<void> carries();
  Task<void> saysWhatSrunSaid();
  Task<void> givesUp();

 protected:
  void with(Task<void> (StepRelayTest::*body)()) { async::runToEnd(around(body)); }

  Task<void> around(Task<void> (StepRelayTest::*body)()) {
    executor = co_await async::thisExecutor();
    listener = net::listenTcp(executor, "127.0.0.1", 0).value();
    relays = std::make_unique<StepRelays>(
        executor, driver, options, [this] { return net::HostPort{"127.0.0.1", listener->port()}; },
        [this](const std::string&) { return heard.isSet() ? channel : nullptr; });
    channel = tunnel::localChannel(executor, std::make_shared<tunnel::Service>());
    async::TaskGroup group(executor);
    group.spawn("relays", relays->run());
    group.spawn("hub", serveHub());
    Task<void> task = (this->*body)();
    co_await std::move(task);
    co_await group.stop();
    channel.reset();
    relays.reset();
    listener.reset();
  }

  Task<void> serveHub() {
    auto stream = co_await listener->accept();
    if (!stream) co_return;
    std::array<char, 16> buffer;
    const auto got = co_await (*stream)->readSome(buffer);
    EXPECT_EQ(std::string_view(buffer.data(), got.value_or(0)), "hello");
    const Status put = co_await (*stream)->write("welcome");
    EXPECT_TRUE(put);
    heard.set();
    const auto end = co_await (*stream)->readSome(buffer);
    EXPECT_EQ(end.value_or(1), 0U);
    left.set();
  }

  Task<Status> speak(uint32_t job_id, std::vector<std::string> argv, FileDescriptor connection) {
    ++steps;
    EXPECT_EQ(job_id, 7U);
    EXPECT_EQ(argv, (std::vector<std::string>{"/bin/slipway", "supervise", "--relay", "--dir", "/pods/u/0"}));
    net::StreamSocket socket(executor, asio::generic::stream_protocol(AF_UNIX, 0), connection.release());
    const net::StreamPtr stream = net::makeSocketStream(std::move(socket), "test");
    const Status put = co_await stream->write("hello");
    EXPECT_TRUE(put);
    std::array<char, 16> buffer;
    const auto got = co_await stream->readSome(buffer);
    EXPECT_EQ(std::string_view(buffer.data(), got.value_or(0)), "welcome");
    co_await async::sleepFor(1h);
    co_return Status();
  }

  slurm::testing::FakeDriver driver;
  StepRelayOptions options{.binary = "/bin/slipway", .connect = 10s, .linger = 100ms};
  Executor executor;
  std::unique_ptr<net::Listener> listener;
  std::unique_ptr<StepRelays> relays;
  std::shared_ptr<tunnel::Channel> channel;
  async::Event heard;
  async::Event left;
  int steps = 0;
};

Task<void> StepRelayTest::carries() {
  driver.on_step = [this](uint32_t job, std::vector<std::string> argv, FileDescriptor connection) {
    return speak(job, std::move(argv), std::move(connection));
  };
  auto first = co_await relays->reach("u/0", 7, "/pods/u/0");
  EXPECT_TRUE(first.has_value()) << (first ? "" : first.error().message);
  auto second = co_await relays->reach("u/0", 7, "/pods/u/0");
  EXPECT_TRUE(second.has_value());
  EXPECT_EQ(steps, 1) << "one step for both";
  first = failure(Code::NotFound, "let go");
  const bool early = co_await left.waitFor(1500ms);
  EXPECT_FALSE(early) << "somebody uses it still";
  second = failure(Code::NotFound, "let go");
  const bool gone = co_await left.waitFor(10s);
  EXPECT_TRUE(gone) << "nobody uses it";
  for (int i = 0; i < 1000 && relays->steps() > 0; ++i) co_await async::sleepFor(5ms);
  EXPECT_EQ(relays->steps(), 0U);
}
TEST_F(StepRelayTest, OneStepCarriesTheConnectionAsLongAsSomebodyUsesIt) {
  with(&StepRelayTest::carries);
}

Task<Status> refuse() {
  co_return failure(Code::Forbidden, "srun: steps are not for you");
}

Task<void> StepRelayTest::saysWhatSrunSaid() {
  driver.on_step = [](uint32_t, std::vector<std::string>, FileDescriptor) { return refuse(); };
  const auto reached = co_await relays->reach("u/0", 7, "/pods/u/0");
  EXPECT_FALSE(reached.has_value());
  if (!reached) EXPECT_EQ(reached.error().message, "srun: steps are not for you");
}
TEST_F(StepRelayTest, TheErrorIsWhatSrunSaid) {
  with(&StepRelayTest::saysWhatSrunSaid);
}

Task<Status> hang() {
  co_await async::sleepFor(1h);
  co_return Status();
}

Task<void> StepRelayTest::givesUp() {
  driver.on_step = [](uint32_t, std::vector<std::string>, FileDescriptor) { return hang(); };
  const auto reached = co_await relays->reach("u/0", 7, "/pods/u/0");
  EXPECT_FALSE(reached.has_value());
  if (!reached) EXPECT_TRUE(reached.error().is(Code::Timeout)) << reached.error().message;
}
TEST_F(StepRelayTest, AStepThatNeverConnectsIsGivenUp) {
  options.connect = 200ms;
  with(&StepRelayTest::givesUp);
}

}  // namespace
}  // namespace slipway::agent
