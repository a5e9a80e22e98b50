#include "agent/agent.h"

#include <fcntl.h>
#include <unistd.h>

#include "async/deadline.h"
#include "async/loop.h"
#include "base/log.h"
#include "base/strings.h"
#include "net/tcp.h"
#include "net/tls.h"
#include "slurm/testing/fake_driver.h"

namespace slipway::agent {
namespace {

using namespace std::chrono_literals;
using site::v1::PodReport;

constexpr auto kLimit = 20s;

/// A supervisor as the hub sees it: dials with what hub.json says and answers the calls of `Pod`.
class FakeSupervisor {
 public:
  FakeSupervisor(const pod::HubFile& hub, std::string uid) : uid_(std::move(uid)) {
    net::TlsOptions tls;
    tls.certificate = hub.certificate;
    tls.key = hub.key;
    tls.ca = hub.ca;
    tls.only_tls13 = true;
    tls.alpn = {"h2"};
    auto context = net::TlsContext::client(tls).value();
    auto where = net::parseHostPort(hub.endpoints.at(0)).value();
    std::shared_ptr<net::Dialer> dialer = net::tlsDialer(net::tcpDialer(where), context, hub.server_name);
    auto service = std::make_shared<tunnel::Service>();
    service->on("/slipway.site.v1.Pod/Watch", [this](tunnel::ServerCall& call) { return watch(call); });
    service->on("/slipway.site.v1.Pod/Stop", [this](tunnel::ServerCall& call) { return stop(call); });
    service->on("/slipway.site.v1.Pod/Exec", [this](tunnel::ServerCall& call) { return exec(call); });
    end_ = std::make_unique<tunnel::DialingEnd>(dialer, service, tunnel::TunnelOptions{.authority = "hub"}, random_);
  }
  Task<void> run() { co_await end_->run(); }

  PodReport report;
  async::Event stopped;

 private:
  Task<Status> watch(tunnel::ServerCall& call) {
    CO_TRY_STATUS(co_await call.send(report.SerializeAsString()));
    co_await async::sleepFor(1h);
    co_return Status{};
  }
  Task<Status> stop(tunnel::ServerCall& call) {
    CO_TRY(const auto request, co_await tunnel::receiveRequest<site::v1::CancelRequest>(call));
    EXPECT_EQ(request.pod_uid(), uid_);
    stopped.set();
    co_return co_await call.send(site::v1::CancelResponse().SerializeAsString());
  }
  Task<Status> exec(tunnel::ServerCall& call) {
    while (true) {
      CO_TRY(const auto message, co_await call.receive());
      if (!message) break;
      CO_TRY(const auto input, tunnel::parseMessage<site::v1::ExecInput>(*message));
      site::v1::ExecOutput output;
      output.set_stdout(input.has_start() ? "started " + input.start().pod_uid() + "\n" : input.stdin());
      CO_TRY_STATUS(co_await call.send(output.SerializeAsString()));
    }
    site::v1::ExecOutput last;
    last.set_exited(true);
    last.set_exit_code(3);
    co_return co_await call.send(last.SerializeAsString());
  }

  std::string uid_;
  SystemRandom random_;
  std::unique_ptr<tunnel::DialingEnd> end_;
};

class AgentTest : public ::testing::Test {
 protected:
  AgentTest() { log::configure(log::Level::Error, log::Format::Text); }

  Task<void> started() {
    executor = co_await async::thisExecutor();
    AgentOptions options;
    options.state_dir = directory.path();
    options.binary = "/bin/slipway";
    options.uid = 1000;
    options.hub_listen = "127.0.0.1:0";
    options.hub_addresses = {"127.0.0.1"};
    options.poll_interval = 20ms;
    options.heartbeat = 50ms;
    agent = std::make_unique<Agent>(executor, options, driver, clock);
    const Status ok = agent->start();
    EXPECT_TRUE(ok.has_value()) << ok.error().message;
    group = std::make_unique<async::TaskGroup>(executor);
    group->spawn("agent", agent->run());
    channel = tunnel::localChannel(executor, agent->service());
  }
  Task<void> stopped() {
    co_await group->stop();
    channel.reset();
    agent.reset();
    group.reset();
  }
  /// Runs the test's body on a loop, with an agent beside it.
  void with(std::function<Task<void>()> body) { async::runToEnd(around(std::move(body))); }
  Task<void> around(std::function<Task<void>()> body) {
    co_await started();
    Task<void> task = body();
    co_await std::move(task);
    co_await stopped();
  }

  template <typename Response, typename Request>
  Task<Result<Response>> call(std::string rpc, Request request) {
    return tunnel::callUnary<Response>(channel, "/slipway.site.v1.Site/" + rpc, std::move(request), kLimit);
  }
  template <typename Request>
  Task<std::unique_ptr<tunnel::ClientCall>> open(std::string rpc, Request request, bool close = true) {
    auto opened = co_await channel->open("/slipway.site.v1.Site/" + rpc);
    EXPECT_TRUE(opened.has_value());
    EXPECT_TRUE(co_await (*opened)->send(request.SerializeAsString()));
    if (close) EXPECT_TRUE(co_await (*opened)->closeSend());
    co_return std::move(*opened);
  }
  template <typename Message>
  Task<std::optional<Message>> next(tunnel::ClientCall& call) {
    auto received = co_await async::withDeadline(call.receive(), kLimit, "the next message");
    if (!received || !*received) co_return std::nullopt;
    co_return tunnel::parseMessage<Message>(**received).value();
  }
  Task<std::string> allText(tunnel::ClientCall& call) {
    std::string text;
    while (true) {
      const auto chunk = co_await next<site::v1::LogChunk>(call);
      if (!chunk) co_return text;
      text += chunk->data();
    }
  }
  Task<uint32_t> submitted(std::string uid) {
    site::v1::SubmitRequest request;
    request.mutable_plan()->set_pod_uid(uid);
    auto response = co_await call<site::v1::SubmitResponse>("Submit", request);
    while (!response && response.error().is(Code::ServiceUnavailable)) {  // before the first poll
      co_await async::sleepFor(5ms);
      response = co_await call<site::v1::SubmitResponse>("Submit", request);
    }
    EXPECT_TRUE(response.has_value()) << (response ? "" : response.error().message);
    co_return response ? response->job_id() : 0;
  }
  Task<PodReport> reportWith(PodReport::Stage stage) {
    auto watch = co_await open("WatchPods", site::v1::WatchPodsRequest());
    while (true) {
      const auto report = co_await next<PodReport>(*watch);
      if (!report) co_return PodReport();
      if (report->stage() == stage) co_return *report;
    }
  }

  /// Until the inventory has jobs.
  Task<void> inventoryHasJobs() {
    auto watch = co_await open("Watch", site::v1::WatchRequest());
    while (true) {
      const auto update = co_await next<site::v1::SiteUpdate>(*watch);
      if (!update || update->jobs_size() > 0) co_return;
    }
  }

  // Bodies of the tests.
  Task<void> greets();
  Task<void> watches();
  Task<void> serves();
  Task<void> readsLogs();
  Task<void> readsJobOutput();

  TemporaryDirectory directory;
  slurm::testing::FakeDriver driver;
  SystemClock clock;
  Executor executor;
  std::unique_ptr<Agent> agent;
  std::unique_ptr<async::TaskGroup> group;
  std::shared_ptr<tunnel::Channel> channel;
};

Task<void> AgentTest::greets() {
  const auto hello = co_await call<site::v1::HelloResponse>("Hello", site::v1::HelloRequest());
  EXPECT_TRUE(hello.has_value());
  EXPECT_EQ(hello->cluster(), "test");
  EXPECT_EQ(hello->slurm_version(), "22.05.8");
}
TEST_F(AgentTest, SaysWhoItIs) {
  with([this] { return greets(); });
}

Task<void> AgentTest::watches() {
  auto watch = co_await open("Watch", site::v1::WatchRequest());
  site::v1::SiteUpdate all;
  while (!all.snapshot_complete()) {
    const auto update = co_await next<site::v1::SiteUpdate>(*watch);
    if (!update) co_return ADD_FAILURE() << "the watch ended";
    all.MergeFrom(*update);
  }
  EXPECT_EQ(all.nodes_size(), 1);
  EXPECT_EQ(all.jobs_size(), 1);
  driver.poll_errors.push_back({Code::ServiceUnavailable, "slurmctld is away"});
  driver.jobs[2] = {};
  bool failed = false, recovered = false, changed = false;
  while (!changed || !failed || !recovered) {
    const auto update = co_await next<site::v1::SiteUpdate>(*watch);
    if (!update) co_return ADD_FAILURE() << "the watch ended";
    failed |= update->has_health() && !update->health().slurm_ok();
    recovered |= failed && update->has_health() && update->health().slurm_ok();
    changed |= update->jobs_size() == 1 && update->jobs(0).id() == 2;
    EXPECT_EQ(update->removed_jobs_size(), 0);
    EXPECT_FALSE(update->snapshot_begin());
  }
}
TEST_F(AgentTest, WatchGivesASnapshotChangesAndHealth) {
  driver.jobs[1] = {};
  with([this] { return watches(); });
}

Task<void> AgentTest::serves() {
  const uint32_t job = co_await submitted("u1");
  driver.jobs[job].state = "RUNNING";
  const pod::PodDirectory files(directory.path(), "u1", 0);
  const auto mode = std::filesystem::status(files.path()).permissions();
  EXPECT_EQ(mode, std::filesystem::perms::owner_all);
  FakeSupervisor supervisor(pod::readHubFile(files).value(), "u1");
  supervisor.report.set_pod_uid("u1");
  supervisor.report.set_stage(PodReport::RUNNING);
  supervisor.report.add_containers()->set_name("main");
  async::TaskGroup inside(executor);
  inside.spawn("supervisor", supervisor.run());
  const PodReport report = co_await reportWith(PodReport::RUNNING);
  EXPECT_EQ(report.containers_size(), 1);
  EXPECT_EQ(report.job_id(), job);

  site::v1::ExecInput input;
  input.mutable_start()->set_pod_uid("u1");
  auto exec = co_await open("Exec", input, false);
  auto output = co_await next<site::v1::ExecOutput>(*exec);
  EXPECT_EQ(output->stdout(), "started u1\n");
  site::v1::ExecInput more;
  more.set_stdin("hello");
  EXPECT_TRUE(co_await exec->send(more.SerializeAsString()));
  output = co_await next<site::v1::ExecOutput>(*exec);
  EXPECT_EQ(output->stdout(), "hello");
  EXPECT_TRUE(co_await exec->closeSend());
  output = co_await next<site::v1::ExecOutput>(*exec);
  EXPECT_TRUE(output->exited());
  EXPECT_EQ(output->exit_code(), 3);

  site::v1::CancelRequest cancel;
  cancel.set_pod_uid("u1");
  cancel.set_grace_seconds(10);
  const auto cancelled = co_await call<site::v1::CancelResponse>("Cancel", cancel);
  EXPECT_TRUE(cancelled->existed());
  EXPECT_TRUE(co_await supervisor.stopped.waitFor(kLimit));
  EXPECT_TRUE(driver.cancels.empty());
  co_await inside.stop();
}
TEST_F(AgentTest, CallsReachTheSupervisorThatDialledIn) {
  with([this] { return serves(); });
}

Task<void> AgentTest::readsLogs() {
  const uint32_t job = co_await submitted("u1");
  site::v1::LogsRequest request;
  request.set_pod_uid("u1");
  request.set_container("main");
  request.set_tail_lines(-1);
  request.set_since_seconds(-1);
  request.set_limit_bytes(-1);
  auto empty = co_await open("Logs", request);
  EXPECT_EQ(co_await allText(*empty), "");

  const pod::PodDirectory files(directory.path(), "u1", 0);
  std::filesystem::create_directories(files.logs() / "main");
  EXPECT_TRUE(writeFileAtomic(files.log("main", 0), "2026-01-01T00:00:00.000000000Z stdout F one\n"));
  auto once = co_await open("Logs", request);
  EXPECT_EQ(co_await allText(*once), "one\n");

  request.set_follow(true);
  auto follow = co_await open("Logs", request);
  const auto first = co_await next<site::v1::LogChunk>(*follow);
  EXPECT_EQ(first->data(), "one\n");
  {
    auto file = openFile(files.log("main", 0), O_WRONLY | O_APPEND).value();
    EXPECT_TRUE(writeAll(file.get(), "2026-01-01T00:00:01.000000000Z stderr F two\n"));
  }
  PodReport last;
  last.set_pod_uid("u1");
  last.set_stage(PodReport::SUCCEEDED);
  EXPECT_TRUE(pod::writeReport(files, last));
  driver.jobs[job].state = "COMPLETED";
  EXPECT_EQ(co_await allText(*follow), "two\n");
  site::v1::LogsRequest unknown;
  unknown.set_pod_uid("nobody");
  auto refused = co_await open("Logs", unknown);
  const auto answer = co_await refused->receive();
  EXPECT_TRUE(!answer && answer.error().is(Code::NotFound));
}
TEST_F(AgentTest, LogsComeFromFilesWhenNoSupervisorIsThere) {
  with([this] { return readsLogs(); });
}

Task<void> AgentTest::readsJobOutput() {
  const auto output = directory.path() / "job.out";
  EXPECT_TRUE(writeFileAtomic(output, "a\nb\nc\n"));
  driver.jobs[7] = {.state = "RUNNING", .uid = ::getuid(), .std_out = output.string()};
  driver.jobs[8] = {.state = "RUNNING", .uid = ::getuid() + 1, .std_out = output.string()};
  driver.jobs[9] = {.state = "RUNNING", .uid = ::getuid(), .std_out = "/dev/zero"};
  agent->pollNow();
  co_await inventoryHasJobs();
  site::v1::LogsRequest request;
  request.set_job_id(7);
  request.set_tail_lines(2);
  request.set_limit_bytes(-1);
  auto tail = co_await open("Logs", request);
  EXPECT_EQ(co_await allText(*tail), "b\nc\n");
  request.set_tail_lines(-1);
  request.set_limit_bytes(3);
  auto some = co_await open("Logs", request);
  EXPECT_EQ(co_await allText(*some), "a\nb");
  for (const uint32_t id : {8U, 9U}) {
    request.set_job_id(id);
    auto refused = co_await open("Logs", request);
    const auto answer = co_await refused->receive();
    EXPECT_TRUE(!answer && answer.error().is(Code::Forbidden)) << id;
  }
}
TEST_F(AgentTest, OutputOfAMirroredJobIsShownWhenItIsTheUsers) {
  with([this] { return readsJobOutput(); });
}

}  // namespace
}  // namespace slipway::agent
