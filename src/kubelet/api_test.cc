#include "kubelet/api.h"

#include <gtest/gtest.h>

#include "async/loop.h"
#include "base/strings.h"
#include "http/client.h"
#include "kubelet/node_ports.h"
#include "kubelet/testing/fake_backend.h"
#include "net/tcp.h"

namespace slipway::kubelet {
namespace {

using namespace std::chrono_literals;
using testing::FakeAuthenticator;
using testing::FakeBackend;
using testing::FakeLog;
using testing::makePod;

struct World {
  explicit World(Executor executor)
      : ports(executor, backend, authenticator, nullptr, {.address = "127.0.0.1", .shared_port = 0}) {
    backend.pods = {makePod("default", "p1", "n1"), makePod("default", "p2", "n2")};
    EXPECT_TRUE(ports.start().has_value());
    n1 = std::make_unique<http::Client>(executor, net::tcpDialer({"127.0.0.1", ports.add("n1").value()}));
    all = std::make_unique<http::Client>(executor, net::tcpDialer({"127.0.0.1", ports.sharedPort()}));
  }
  FakeBackend backend;
  FakeAuthenticator authenticator;
  NodePorts ports;
  std::unique_ptr<http::Client> n1;
  std::unique_ptr<http::Client> all;
};

void run(Task<void> (*test)(World&)) {
  const auto whole = [](auto what) -> Task<void> {
    const Executor executor = co_await async::thisExecutor();
    World world(executor);
    co_await what(world);
    world.n1.reset();
    world.all.reset();
    co_await world.ports.stop();
  };
  async::runToEnd(whole(test));
}

Task<http::Response> get(http::Client& client, std::string target) {
  auto got = co_await client.send({.target = std::move(target)});
  co_return got ? *got : http::Response{.status = -1, .body = got.error().message};
}

Task<void> tellsNodesApart(World& world) {
  auto got = co_await get(*world.n1, "/pods");
  const auto list = boost::json::parse(got.body).as_object();
  EXPECT_EQ(list.at("kind").as_string(), "PodList");
  EXPECT_EQ(list.at("items").as_array().size(), 1U);
  EXPECT_FALSE(list.at("items").at(0).at("metadata").as_object().contains("managedFields"));
  got = co_await get(*world.all, "/runningpods/");
  EXPECT_EQ(boost::json::parse(got.body).at("items").as_array().size(), 2U);
  got = co_await get(*world.all, "/pods?node=n2");
  EXPECT_EQ(boost::json::parse(got.body).at("items").as_array().size(), 1U);
  got = co_await get(*world.n1, "/containerLogs/default/p2/main");
  EXPECT_EQ(got.status, 404);
  got = co_await get(*world.all, "/containerLogs/default/p2/main");
  EXPECT_EQ(got.status, 200);
  EXPECT_EQ(world.backend.last_container.node, "n2");
  EXPECT_EQ(world.backend.last_container.uid, "uid-p2");
}

TEST(KubeletApi, PortTellsTheNode) {
  run(tellsNodesApart);
}

Task<void> admitsOnlyWhomItKnows(World& world) {
  auto got = co_await get(*world.n1, "/healthz");
  EXPECT_EQ(got.body, "ok");
  const std::map<std::string, std::string> expected = {
      {"/healthz", "healthz proxy"},      {"/pods", "pods proxy"},
      {"/stats/summary", "stats"},        {"/metrics", "metrics"},
      {"/metrics/resource", "metrics"},   {"/containerLogs/default/p1/main", "proxy"},
      {"/exec/default/p1/main", "proxy"}, {"/%70ods", "pods proxy"},
      {"//pods", "pods proxy"},           {"/logs/", "log"}};
  for (const auto& [path, subresources] : expected) {
    world.authenticator.asked.clear();
    got = co_await get(*world.n1, path);
    EXPECT_EQ(join(world.authenticator.asked.at(0).subresources, " "), subresources) << path;
    EXPECT_EQ(world.authenticator.asked.at(0).node, "n1");
    EXPECT_EQ(world.authenticator.asked.at(0).verb, "get");
  }
  world.authenticator.allowed = false;
  got = co_await get(*world.n1, "/pods");
  EXPECT_EQ(got.status, 403);
  world.authenticator.known = false;
  got = co_await get(*world.n1, "/healthz");
  EXPECT_EQ(got.status, 401);
}

TEST(KubeletApi, EveryPathNeedsItsPermission) {
  run(admitsOnlyWhomItKnows);
}

Task<void> refusesOtherPaths(World& world) {
  for (const char* path : {"/", "/nothing", "/containerLogs/default/p1", "/containerLogs/default/p9/main",
                           "/containerLogs/default/p1/other", "/stats/container", "/pods/x"}) {
    const auto got = co_await get(*world.n1, path);
    EXPECT_EQ(got.status, 404) << path;
  }
  const auto posted = co_await world.n1->send({.method = "POST", .target = "/pods"});
  EXPECT_EQ(posted->status, 405);
}

TEST(KubeletApi, UnknownPathsPodsAndContainersAre404) {
  run(refusesOtherPaths);
}

Task<void> readsLogs(World& world) {
  auto got = co_await get(*world.n1, "/containerLogs/default/p1/main");
  EXPECT_EQ(got.status, 200);
  EXPECT_EQ(got.body, "");
  const auto log = world.backend.log_of["main"];
  log->pieces.trySend("one\nt");
  log->pieces.trySend("wo\n");
  got = co_await get(*world.n1, "/containerLogs/default/p1/main?tailLines=5&timestamps=true&sinceSeconds=9&previous=1");
  EXPECT_EQ(got.body, "one\ntwo\n");
  EXPECT_EQ(got.headers.get("Content-Type"), "text/plain; charset=utf-8");
  EXPECT_EQ(world.backend.last_log.tail_lines, 5);
  EXPECT_EQ(world.backend.last_log.since_seconds, 9);
  EXPECT_TRUE(world.backend.last_log.timestamps && world.backend.last_log.previous);
  log->pieces.trySend("0123456789");
  log->pieces.trySend("0123456789");
  got = co_await get(*world.n1, "/containerLogs/default/p1/main?limitBytes=13");
  EXPECT_EQ(got.body, "0123456789012");
}

TEST(KubeletApi, LogWithoutFollowEndsWhereItEndsNow) {
  run(readsLogs);
}

Task<void> refusesLogOptions(World& world) {
  for (const char* query : {"tailLines=-1", "tailLines=x", "limitBytes=0", "sinceSeconds=0", "sinceTime=yesterday",
                            "follow=maybe", "stream=Stdin", "sinceSeconds=1&sinceTime=2026-01-01T00:00:00Z"}) {
    const auto got = co_await get(*world.n1, std::string("/containerLogs/default/p1/main?") + query);
    EXPECT_EQ(got.status, 422) << query;
  }
  world.backend.broken = Error{Code::BadRequest, "container \"main\" in pod \"p1\" is waiting to start"};
  const auto got = co_await get(*world.n1, "/containerLogs/default/p1/main");
  EXPECT_EQ(got.status, 400);
  EXPECT_EQ(got.body, "container \"main\" in pod \"p1\" is waiting to start\n");
}

TEST(KubeletApi, BadLogOptionsAndErrorsHaveAStatus) {
  run(refusesLogOptions);
}

Task<std::string> readPiece(http::ResponseStream& stream) {
  std::array<char, 1000> buffer;
  const auto count = co_await stream.readSome(buffer);
  co_return count ? std::string(buffer.data(), *count) : "failed";
}

Task<void> follows(World& world) {
  auto log = world.backend.log_of["main"] = std::make_shared<FakeLog>();
  {
    const auto open = co_await world.n1->open({.target = "/containerLogs/default/p1/main?follow=true"});
    for (const std::string line : {"first\n", "second\n"}) {
      log->pieces.trySend(line);
      const std::string got = co_await readPiece(**open);
      EXPECT_EQ(got, line);
    }
    EXPECT_FALSE(log->ended);
  }
  // The client is gone: the reading end must go too, although nothing is written any more.
  while (!log->ended) co_await async::sleepFor(1ms);
  log->ended = false;
  const auto open = co_await world.n1->open({.target = "/containerLogs/default/p1/main?follow=true"});
  log->pieces.trySend("last\n");
  log->pieces.close();
  std::string got = co_await readPiece(**open);
  EXPECT_EQ(got, "last\n");
  got = co_await readPiece(**open);
  EXPECT_EQ(got, "");
}

TEST(KubeletApi, FollowedLogComesAtOnceAndStopsWithTheClient) {
  run(follows);
}

void fillUsage(FakeBackend& backend) {
  backend.node = {
      .time_ns = 1700000000000000000,
      .usage = {.cpu_nanoseconds = 12500000000, .memory_working_set = 2048, .started_at_ns = 1600000000000000000},
      .memory_available = 4096};
  PodStats pod{.ns = "default", .name = "p1", .uid = "uid-p1", .time_ns = 1700000000000000000};
  pod.containers.push_back(
      {"main", {.cpu_nanoseconds = 1500000000, .memory_working_set = 1024, .started_at_ns = 1650000000500000000}});
  pod.containers.push_back({"side", {.cpu_nanoseconds = 500000000}});
  backend.usage = {pod};
}

Task<void> givesResourceMetrics(World& world) {
  fillUsage(world.backend);
  auto got = co_await get(*world.n1, "/metrics/resource");
  EXPECT_EQ(got.headers.get("Content-Type"), "text/plain; version=0.0.4; charset=utf-8");
  EXPECT_EQ(
      got.body,
      R"(# HELP container_cpu_usage_seconds_total [STABLE] Cumulative cpu time consumed by the container in core-seconds
# TYPE container_cpu_usage_seconds_total counter
container_cpu_usage_seconds_total{container="main",namespace="default",pod="p1"} 1.5 1700000000000
container_cpu_usage_seconds_total{container="side",namespace="default",pod="p1"} 0.5 1700000000000
# HELP container_memory_working_set_bytes [STABLE] Current working set of the container in bytes
# TYPE container_memory_working_set_bytes gauge
container_memory_working_set_bytes{container="main",namespace="default",pod="p1"} 1024 1700000000000
# HELP container_start_time_seconds [STABLE] Start time of the container since unix epoch in seconds
# TYPE container_start_time_seconds gauge
container_start_time_seconds{container="main",namespace="default",pod="p1"} 1650000000.5
# HELP node_cpu_usage_seconds_total [STABLE] Cumulative cpu time consumed by the node in core-seconds
# TYPE node_cpu_usage_seconds_total counter
node_cpu_usage_seconds_total 12.5 1700000000000
# HELP node_memory_working_set_bytes [STABLE] Current working set of the node in bytes
# TYPE node_memory_working_set_bytes gauge
node_memory_working_set_bytes 2048 1700000000000
# HELP pod_cpu_usage_seconds_total [STABLE] Cumulative cpu time consumed by the pod in core-seconds
# TYPE pod_cpu_usage_seconds_total counter
pod_cpu_usage_seconds_total{namespace="default",pod="p1"} 2 1700000000000
# HELP pod_memory_working_set_bytes [STABLE] Current working set of the pod in bytes
# TYPE pod_memory_working_set_bytes gauge
pod_memory_working_set_bytes{namespace="default",pod="p1"} 1024 1700000000000
# HELP resource_scrape_error [STABLE] 1 if there was an error while getting container metrics, 0 otherwise
# TYPE resource_scrape_error gauge
resource_scrape_error 0
# HELP scrape_error [ALPHA] (Deprecated since 1.29.0) 1 if there was an error while getting container metrics, 0 otherwise
# TYPE scrape_error gauge
scrape_error 0
)");
  world.backend.broken = Error{Code::ServiceUnavailable, "no agent"};
  got = co_await get(*world.n1, "/metrics/resource");
  EXPECT_EQ(got.status, 200);
  EXPECT_NE(got.body.find("\nresource_scrape_error 1\n"), std::string::npos);
  got = co_await get(*world.n1, "/metrics");
  EXPECT_NE(got.body.find("kubelet_running_pods 1\n"), std::string::npos);
}

TEST(KubeletApi, ResourceMetricsAreAKubelets) {
  run(givesResourceMetrics);
}

Task<void> givesASummary(World& world) {
  fillUsage(world.backend);
  auto got = co_await get(*world.n1, "/stats/summary");
  auto summary = boost::json::parse(got.body);
  EXPECT_EQ(summary.at("node").at("nodeName").as_string(), "n1");
  EXPECT_EQ(summary.at("node").at("cpu").at("usageCoreNanoSeconds").as_int64(), 12500000000);
  EXPECT_EQ(summary.at("node").at("memory").at("availableBytes").as_int64(), 4096);
  const auto& pod = summary.at("pods").at(0);
  EXPECT_EQ(pod.at("podRef").at("uid").as_string(), "uid-p1");
  EXPECT_EQ(pod.at("containers").at(0).at("memory").at("workingSetBytes").as_int64(), 1024);
  EXPECT_EQ(pod.at("containers").at(0).at("startTime").as_string(), "2022-04-15T05:20:00Z");
  EXPECT_FALSE(pod.at("cpu").as_object().contains("usageNanoCores"));

  world.backend.node.time_ns += 10000000000;
  world.backend.node.usage.cpu_nanoseconds += 15000000000;
  got = co_await get(*world.n1, "/stats/summary");
  summary = boost::json::parse(got.body);
  EXPECT_EQ(summary.at("node").at("cpu").at("usageNanoCores").as_int64(), 1500000000);
  world.backend.broken = Error{Code::ServiceUnavailable, "no agent"};
  got = co_await get(*world.n1, "/stats/summary");
  EXPECT_EQ(got.status, 503);
}

TEST(KubeletApi, SummaryHasRatesFromTheSecondCallOn) {
  run(givesASummary);
}

Task<void> keepsPorts() {
  const Executor executor = co_await async::thisExecutor();
  FakeBackend backend;
  FakeAuthenticator authenticator;
  uint16_t free_port = 0;
  {
    const auto probe = net::listenTcp(executor, "127.0.0.1", 0).value();
    free_port = probe->port();
  }
  NodePorts ports(executor, backend, authenticator, nullptr,
                  {.address = "127.0.0.1", .shared_port = 0, .first_port = free_port, .last_port = free_port});
  const auto first = ports.add("n1");
  EXPECT_EQ(first.value(), free_port);
  EXPECT_EQ(ports.add("n1").value(), free_port);
  EXPECT_TRUE(ports.add("n2", free_port).error().is(Code::TooManyRequests));
  ports.remove("n1");
  EXPECT_EQ(ports.portOf("n1"), 0);
  for (int i = 0; i < 5; ++i) co_await async::yield();
  EXPECT_EQ(ports.add("n2", free_port).value(), free_port);
  co_await ports.stop();
}

TEST(NodePorts, RangeIsKeptTo) {
  async::runToEnd(keepsPorts());
}

}  // namespace
}  // namespace slipway::kubelet
