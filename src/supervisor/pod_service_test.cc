#include "supervisor/pod_service.h"

#include <gtest/gtest.h>
#include <signal.h>

#include "async/loop.h"
#include "base/strings.h"
#include "container/host.h"
#include "net/tcp.h"
#include "supervisor/process_tree.h"
#include "supervisor/testing/test_pod.h"

namespace slipway::supervisor {
namespace {

using namespace std::chrono_literals;

/// A pod that runs on the loop, and a channel to its service.
struct RunningPod {
  explicit RunningPod(TestPod& pod, Executor executor)
      : options(pod.options()),
        board(pod.plan, pod.directory, clock),
        volumes({pod.state.path() / "disk", pod.state.path() / "memory"}),
        runtime(options.env),
        supervisor(PodContext{pod.plan, pod.directory, board, runtime, volumes, clock, {}, options.timing}, executor),
        service(supervisor),
        channel(tunnel::localChannel(executor, service.service())),
        group(executor) {
    group.spawn("pod", run());
  }
  Task<void> run() { outcome = co_await supervisor.run(); }
  /// Also lets handlers of calls that were dropped unwind.
  Task<void> finish() {
    co_await group.join();
    for (int i = 0; i < 20; ++i) co_await async::yield();
  }
  Task<void> running(std::string container) {
    while (supervisor.find(container)->process() == nullptr) co_await async::sleepFor(1ms);
  }

  SupervisorOptions options;
  SystemClock clock;
  ReportBoard board;
  PodVolumes volumes;
  container::HostRuntime runtime;
  PodSupervisor supervisor;
  PodService service;
  std::shared_ptr<tunnel::Channel> channel;
  async::TaskGroup group;
  std::optional<PodOutcome> outcome;
};

std::string method(const char* name) {
  return fmt::format("/slipway.site.v1.Pod/{}", name);
}

struct ExecEnd {
  std::string out;
  std::string err;
  int exit_code = -1;
  std::string error;
};

Task<ExecEnd> execute(RunningPod& pod, site::v1::ExecStart start, std::string input) {
  ExecEnd end;
  const auto call = co_await pod.channel->open(method("Exec"));
  site::v1::ExecInput first;
  *first.mutable_start() = start;
  co_await (*call)->send(first.SerializeAsString());
  if (start.stdin()) {
    site::v1::ExecInput more;
    more.set_stdin(input);
    more.set_stdin_closed(true);
    co_await (*call)->send(more.SerializeAsString());
  }
  while (true) {
    const auto message = co_await (*call)->receive();
    if (!message || !*message) co_return end;
    const auto output = tunnel::parseMessage<site::v1::ExecOutput>(**message);
    end.out += output->stdout();
    end.err += output->stderr();
    if (output->exited()) {
      end.exit_code = output->exit_code();
      end.error = output->error();
    }
  }
}

site::v1::ExecStart command(std::vector<std::string> words, bool tty = false, bool input = false) {
  site::v1::ExecStart start;
  start.set_container("main");
  for (std::string& word : words) start.add_command(std::move(word));
  start.set_tty(tty);
  start.set_stdin(input);
  start.set_stdout(true);
  start.set_stderr(!tty);
  return start;
}

Task<void> execs(TestPod& pod) {
  const Executor executor = co_await async::thisExecutor();
  RunningPod running(pod, executor);
  co_await running.running("main");
  const auto plain_start = command({"sh", "-c", "echo out; echo err >&2; exit 7"});
  const ExecEnd plain = co_await execute(running, plain_start, "");
  EXPECT_EQ(plain.out, "out\n");
  EXPECT_EQ(plain.err, "err\n");
  EXPECT_EQ(plain.exit_code, 7);

  const std::string big(3000000, 'x');
  const auto cat_start = command({"cat"}, false, true);
  const ExecEnd cat = co_await execute(running, cat_start, big);
  EXPECT_EQ(cat.out.size(), big.size());
  EXPECT_EQ(cat.exit_code, 0);

  const auto tty_start = command({"sh", "-c", "tty; stty size"}, true, false);
  const ExecEnd tty = co_await execute(running, tty_start, "");
  EXPECT_TRUE(tty.out.starts_with("/dev/pts/")) << tty.out << tty.error;

  const auto missing_start = command({"no-such-thing"});
  const ExecEnd missing = co_await execute(running, missing_start, "");
  EXPECT_EQ(missing.exit_code, 127);
  EXPECT_NE(missing.error.find("no-such-thing"), std::string::npos);

  running.supervisor.stop(0s);
  co_await running.finish();
}

TEST(PodService, ExecGivesStreamsAndExitCode) {
  TestPod pod;
  pod.add("main", "exec sleep 1000");
  async::runToEnd(execs(pod));
}

Task<void> leavesADaemon(TestPod& pod) {
  const Executor executor = co_await async::thisExecutor();
  RunningPod running(pod, executor);
  co_await running.running("main");
  const auto start = command({"sh", "-c", "nohup sleep 1000 >/dev/null 2>&1 & echo $!"});
  const ExecEnd left = co_await execute(running, start, "");
  EXPECT_EQ(left.exit_code, 0);
  const auto daemon = static_cast<pid_t>(parseInt(trim(left.out)).value_or(-1));
  EXPECT_EQ(::kill(daemon, 0), 0) << "a command's end takes nothing with it";
  const auto waits = command({"sh", "-c", "while :; do sleep 0.05; done"});
  auto session = co_await running.channel->open(method("Exec"));
  site::v1::ExecInput first;
  *first.mutable_start() = waits;
  co_await (*session)->send(first.SerializeAsString());
  const std::string instance = running.supervisor.find("main")->process()->instance();
  while (processesOf(instance, -1).size() < 3) co_await async::sleepFor(1ms);
  running.supervisor.stop(0s);
  site::v1::ExecOutput last;
  while (!last.exited()) {
    const auto message = co_await (*session)->receive();
    if (!message || !*message) break;
    last = *tunnel::parseMessage<site::v1::ExecOutput>(**message);
  }
  EXPECT_EQ(last.exit_code(), 137) << "a session ends with its container";
  co_await running.finish();
  EXPECT_TRUE(processesOf(instance, -1).empty());
}

TEST(PodService, WhatACommandLeavesEndsWithTheContainer) {
  TestPod pod;
  pod.add("main", "exec sleep 1000");
  async::runToEnd(leavesADaemon(pod));
}

Task<void> attaches(TestPod& pod) {
  const Executor executor = co_await async::thisExecutor();
  RunningPod running(pod, executor);
  co_await running.running("main");
  auto start = command({}, false, true);
  start.set_attach(true);
  const ExecEnd end = co_await execute(running, start, "hello\n");
  EXPECT_EQ(end.out, "got hello\n");
  EXPECT_EQ(end.exit_code, 0) << "the status of the container says how it ended";
  co_await running.finish();
}

TEST(PodService, AttachJoinsTheContainersStreams) {
  TestPod pod;
  auto& main = pod.add("main", "read x; echo got $x; exit 4");
  main.set_stdin(true);
  main.set_stdin_once(true);
  async::runToEnd(attaches(pod));
}

Task<std::string> readLog(RunningPod& pod, bool follow, size_t enough) {
  const auto call = co_await pod.channel->open(method("Logs"));
  site::v1::LogsRequest request;
  request.set_container("main");
  request.set_follow(follow);
  request.set_tail_lines(-1);
  request.set_since_seconds(-1);
  request.set_limit_bytes(-1);
  co_await (*call)->send(request.SerializeAsString());
  co_await (*call)->closeSend();
  std::string out;
  while (out.size() < enough) {
    const auto message = co_await (*call)->receive();
    if (!message || !*message) break;
    out += tunnel::parseMessage<site::v1::LogChunk>(**message)->data();
  }
  co_return out;
}

Task<void> follows(TestPod& pod) {
  const Executor executor = co_await async::thisExecutor();
  RunningPod running(pod, executor);
  co_await running.running("main");
  const std::string first = co_await readLog(running, true, 1);
  EXPECT_EQ(first, "one\n");
  const std::string now = co_await readLog(running, false, 1000);
  EXPECT_EQ(now, "one\n");
  EXPECT_TRUE(writeFileAtomic(pod.state.path() / "go", ""));
  const std::string all = co_await readLog(running, true, 1000);
  EXPECT_EQ(all, "one\ntwo\n");
  co_await running.finish();
}

TEST(PodService, LogsFollowToTheEnd) {
  TestPod pod;
  pod.add("main", "echo one; while [ ! -e " + (pod.state.path() / "go").string() + " ]; do sleep 0.02; done; echo two");
  async::runToEnd(follows(pod));
}

Task<void> watchesStopsAndMeasures(TestPod& pod) {
  const Executor executor = co_await async::thisExecutor();
  RunningPod running(pod, executor);
  co_await running.running("main");
  const auto stats = co_await tunnel::callUnary<site::v1::StatsResponse>(running.channel, method("Stats"),
                                                                         site::v1::StatsRequest(), 5s);
  EXPECT_EQ(stats->containers_size(), 1);
  EXPECT_GT(stats->containers(0).memory_rss(), 0U);
  auto watch = co_await running.channel->open(method("Watch"));
  co_await (*watch)->send(site::v1::WatchPodsRequest().SerializeAsString());
  co_await (*watch)->closeSend();
  site::v1::CancelRequest cancel;
  cancel.set_grace_seconds(5);
  const auto stopped =
      co_await tunnel::callUnary<site::v1::CancelResponse>(running.channel, method("Stop"), cancel, 5s);
  EXPECT_TRUE(stopped->existed());
  std::string state;
  while (state.empty()) {
    const auto message = co_await (*watch)->receive();
    const auto report = tunnel::parseMessage<site::v1::PodReport>(**message);
    if (report->containers(0).has_terminated()) state = report->containers(0).terminated().reason();
  }
  EXPECT_EQ(state, "Error");
  (*watch)->cancel();
  watch->reset();
  co_await running.finish();
  EXPECT_EQ(running.outcome->exit_code, 143);
}

TEST(PodService, WatchStopAndStats) {
  TestPod pod;
  pod.add("main", "exec sleep 1000");
  async::runToEnd(watchesStopsAndMeasures(pod));
}

Task<void> echoOnce(net::Listener& listener) {
  auto stream = co_await listener.accept();
  std::array<char, 64> buffer;
  const auto got = co_await (*stream)->readSome(buffer);
  co_await (*stream)->write(std::string_view(buffer.data(), *got));
}

Task<void> forwards(TestPod& pod) {
  const Executor executor = co_await async::thisExecutor();
  RunningPod running(pod, executor);
  auto listener = net::listenTcp(executor, "127.0.0.1", 0);
  const uint16_t port = (*listener)->port();
  running.group.spawn("echo", echoOnce(**listener));
  const auto call = co_await running.channel->open(method("PortForward"));
  site::v1::PortData first;
  first.set_port(port);
  first.set_data("ping");
  co_await (*call)->send(first.SerializeAsString());
  const auto answer = co_await (*call)->receive();
  EXPECT_EQ(tunnel::parseMessage<site::v1::PortData>(**answer)->data(), "ping");
  const auto last = co_await (*call)->receive();
  EXPECT_TRUE(tunnel::parseMessage<site::v1::PortData>(**last)->closed());
  running.supervisor.stop(0s);
  co_await running.finish();
}

TEST(PodService, PortForwardJoinsAPortOfTheNode) {
  TestPod pod;
  pod.add("main", "exec sleep 1000");
  async::runToEnd(forwards(pod));
}

}  // namespace
}  // namespace slipway::supervisor
