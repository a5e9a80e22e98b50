#include <fcntl.h>
#include <gtest/gtest.h>

#include "agent/logs.h"
#include "async/deadline.h"
#include "async/loop.h"
#include "base/files.h"
#include "pod/cri_log.h"

namespace slipway::agent {
namespace {

using namespace std::chrono_literals;

/// One container's log file, a supervisor that reads it with whatever faults, and a caller.
class PodLogsTest : public ::testing::Test {
 protected:
  void write(const std::string& text, uint32_t start = 0) {
    const auto path = files.log("main", start);
    std::filesystem::create_directories(path.parent_path());
    auto file = openFile(path, O_CREAT | O_WRONLY | O_APPEND, 0600).value();
    pod::CriLogWriter writer("stdout");
    EXPECT_TRUE(writeAll(file.get(), writer.feed(text, clock.now()) + writer.flush(clock.now())));
  }

  /// As the real one, but its tunnel breaks when it has sent what is there; a live one waits for more.
  Task<Status> superviseLogs(tunnel::ServerCall& call) {
    CO_TRY(const auto request, co_await tunnel::receiveRequest<site::v1::LogsRequest>(call));
    ++asked;
    CO_TRY(auto file, pod::ContainerLogFile::open(files, request, clock.now()));
    while (true) {
      CO_TRY(const site::v1::LogChunk chunk, file.read());
      if (!chunk.data().empty()) {
        CO_TRY_STATUS(co_await call.send(chunk.SerializeAsString()));
        continue;
      }
      if (broken) break;
      if (ended) co_return Status{};
      co_await async::sleepFor(1ms);
    }
    co_return failure(Code::ServiceUnavailable, "the tunnel broke");
  }
  void connectSupervisor(Executor executor) {
    auto service = std::make_shared<tunnel::Service>();
    service->on("/slipway.site.v1.Pod/Logs", [this](tunnel::ServerCall& call) { return superviseLogs(call); });
    supervisor = tunnel::localChannel(std::move(executor), service);
  }
  Task<std::unique_ptr<tunnel::ClientCall>> follow(site::v1::LogsRequest request) {
    const Executor executor = co_await async::thisExecutor();
    auto service = std::make_shared<tunnel::Service>();
    service->on("/Logs", [this](tunnel::ServerCall& call) { return serve(call); });
    agent = tunnel::localChannel(executor, service);
    auto call = co_await agent->open("/Logs");
    EXPECT_TRUE(co_await (*call)->send(request.SerializeAsString()));
    EXPECT_TRUE(co_await (*call)->closeSend());
    co_return std::move(*call);
  }
  Task<Status> serve(tunnel::ServerCall& call) {
    CO_TRY(auto request, co_await tunnel::receiveRequest<site::v1::LogsRequest>(call));
    LogSources sources{[this] { return supervisor; }, files, [this] { return !ended; }, clock};
    co_return co_await servePodLogs(call, std::move(request), std::move(sources));
  }
  /// What comes until `wanted` is there, or the log ends.
  Task<std::string> text(tunnel::ClientCall& call, std::string wanted) {
    std::string out;
    while (out.find(wanted) == std::string::npos) {
      auto message = co_await async::withDeadline(call.receive(), 10s, "log");
      if (!message) ADD_FAILURE() << message.error().message;
      if (!message || !*message) co_return out;
      out += tunnel::parseMessage<site::v1::LogChunk>(**message)->data();
    }
    co_return out;
  }
  static site::v1::LogsRequest request() {
    site::v1::LogsRequest request;
    request.set_pod_uid("u1");
    request.set_container("main");
    request.set_follow(true);
    request.set_tail_lines(-1);
    request.set_since_seconds(-1);
    request.set_limit_bytes(-1);
    return request;
  }

  /// Channels and their handlers end while the loop still runs.
  void with(Task<void> body) { async::runToEnd(around(std::move(body))); }
  Task<void> around(Task<void> body) {
    co_await std::move(body);
    agent.reset();
    supervisor.reset();
    for (int i = 0; i < 20; ++i) co_await async::yield();
  }

  Task<void> breaks(site::v1::LogsRequest wanted);
  Task<void> limited();
  Task<void> restarts();

  TemporaryDirectory directory;
  pod::PodDirectory files{directory.path(), "u1", 0};
  SystemClock clock;
  std::shared_ptr<tunnel::Channel> supervisor;
  std::shared_ptr<tunnel::Channel> agent;
  bool broken = false;
  bool ended = false;
  int asked = 0;
};

Task<void> PodLogsTest::breaks(site::v1::LogsRequest wanted) {
  const Executor executor = co_await async::thisExecutor();
  write("old\none\ntwo with no end");
  connectSupervisor(executor);
  const auto call = co_await follow(wanted);
  std::string all = co_await text(*call, "no end");
  // The tunnel breaks while a line is half written.
  broken = true;
  co_await async::sleepFor(20ms);
  write(" yet\nthree\n");
  all += co_await text(*call, "three\n");
  EXPECT_EQ(asked, 1) << "from the files";
  // The supervisor dials again.
  broken = false;
  connectSupervisor(executor);
  while (asked < 2) co_await async::sleepFor(1ms);
  write("four\n");
  all += co_await text(*call, "four\n");
  ended = true;
  all += co_await text(*call, "nothing more");
  if (wanted.timestamps()) {
    EXPECT_EQ(std::count(all.begin(), all.end(), 'Z'), 4) << all;
  } else {
    EXPECT_EQ(all, "one\ntwo with no end yet\nthree\nfour\n") << "no line lost, none twice";
  }
}
TEST_F(PodLogsTest, BrokenSupervisorTunnelGoesOnFromTheFilesAndBack) {
  site::v1::LogsRequest wanted = request();
  wanted.set_tail_lines(2);
  with(breaks(wanted));
}
TEST_F(PodLogsTest, StampsAreNotRepeatedInTheMiddleOfALine) {
  site::v1::LogsRequest wanted = request();
  wanted.set_tail_lines(2);
  wanted.set_timestamps(true);
  with(breaks(wanted));
}

Task<void> PodLogsTest::limited() {
  const Executor executor = co_await async::thisExecutor();
  write("one\n");
  connectSupervisor(executor);
  site::v1::LogsRequest wanted = request();
  wanted.set_limit_bytes(6);
  const auto call = co_await follow(wanted);
  std::string all = co_await text(*call, "one\n");
  broken = true;
  co_await async::sleepFor(20ms);
  write("two\n");
  all += co_await text(*call, "never");
  EXPECT_EQ(all, "one\ntw");
}
TEST_F(PodLogsTest, LimitHoldsOverABreak) {
  with(limited());
}

Task<void> PodLogsTest::restarts() {
  const Executor executor = co_await async::thisExecutor();
  write("first\n");
  connectSupervisor(executor);
  const auto call = co_await follow(request());
  std::string all = co_await text(*call, "first\n");
  broken = true;
  co_await async::sleepFor(20ms);
  write("last\n");
  write("of the next start\n", 1);
  all += co_await text(*call, "never");
  EXPECT_EQ(all, "first\nlast\n") << "a follower ends with its start of the container";
}
TEST_F(PodLogsTest, ContainerThatStartedAnewEndsTheLogOfTheStartBefore) {
  with(restarts());
}

}  // namespace
}  // namespace slipway::agent
