#include "base/testing/manual_clock.h"
#include "bridge/testing/harness.h"

namespace slipway::bridge {
namespace {

using kube::Object;
using site::v1::PodReport;
using testing::Harness;
using namespace std::chrono_literals;

Object configMap(const std::string& contents) {
  return {{"metadata", {{"name", "settings"}, {"namespace", "default"}}}, {"data", {{"mode", contents}}}};
}

/// A pod that mounts the ConfigMap "settings", bound to n1.
void createPodWithVolume(Harness& h, const std::string& name) {
  const Object mounted{{"name", "etc"}, {"configMap", {{"name", "settings"}}}};
  Object pod = h.createPod(name, "n1");
  kube::ensure(pod, {"spec"})["volumes"] = kube::json::array{mounted, Object{{"name", "tmp"}, {"emptyDir", Object()}}};
  h.client.put(kube::kPods, pod);
}

PodReport reportOf(Harness& h, const std::string& pod, PodReport::Stage stage) {
  return h.site.reportOf(std::string(kube::uid(*h.pod(pod))), stage);
}

std::string lastContents(const Harness& h) {
  const site::v1::Volume& volume = h.site.volume_updates.back().volumes(0);
  return volume.files().files().empty() ? "" : volume.files().files(0).contents();
}

void withSettings(std::function<Task<void>(Harness&)> script) {
  Harness h;
  h.site.setNode(Harness::slurmNode("n1"));
  h.client.put(kube::kConfigMaps, configMap("slow"));
  h.run(std::move(script));
}

Task<void> startMounting(Harness& h) {
  co_await h.until("node", [&] { return h.node("n1").has_value(); });
  createPodWithVolume(h, "p");
  co_await h.until("submit", [&] { return !h.site.accepted.empty(); });
  h.site.report(reportOf(h, "p", PodReport::RUNNING));
}

Task<void> changes(Harness& h) {
  co_await startMounting(h);
  co_await h.until("rounds", [&] { return h.client.count("get", "configmaps") > 3; });
  EXPECT_TRUE(h.site.volume_updates.empty()) << "what the plan had is not sent again";
  h.client.put(kube::kConfigMaps, configMap("fast"));
  co_await h.until("push", [&] { return !h.site.volume_updates.empty(); });
  EXPECT_EQ(h.site.volume_updates[0].volumes_size(), 1) << "volumes without contents of ours are not sent";
  EXPECT_EQ(lastContents(h), "fast");
  h.client.clearCalls();
  co_await h.until("more rounds", [&] { return h.client.count("get", "configmaps") > 3; });
  EXPECT_EQ(h.site.volume_updates.size(), 1U) << "once";
  EXPECT_EQ(h.client.watches(), 2U) << "nothing is watched for it";
}
TEST(VolumeRefresher, ChangedConfigMapReachesTheRunningPodOnce) {
  withSettings(changes);
}

Task<void> requeued(Harness& h) {
  co_await startMounting(h);
  h.client.put(kube::kConfigMaps, configMap("fast"));
  co_await h.until("push", [&] { return !h.site.volume_updates.empty(); });
  h.site.report(reportOf(h, "p", PodReport::QUEUED));
  co_await async::sleepFor(50ms);
  EXPECT_EQ(h.site.volume_updates.size(), 1U);
  // It starts with what the plan said.
  h.site.report(reportOf(h, "p", PodReport::RUNNING));
  co_await h.until("push again", [&] { return h.site.volume_updates.size() == 2; });
  EXPECT_EQ(lastContents(h), "fast");
}
TEST(VolumeRefresher, RequeuedJobGetsTheNewContentsAgain) {
  withSettings(requeued);
}

Task<void> restarted(Harness& h) {
  co_await startMounting(h);
  co_await h.until("running", [&] { return h.client.count("get", "configmaps") > 2; });
  co_await h.stop();
  h.client.put(kube::kConfigMaps, configMap("fast"));
  const Executor executor = co_await async::thisExecutor();
  h.start(executor);
  co_await h.until("push", [&] { return !h.site.volume_updates.empty(); });
  EXPECT_EQ(lastContents(h), "fast");
}
TEST(VolumeRefresher, ChangeWhileTheControllerWasDownReachesThePod) {
  withSettings(restarted);
}

Task<void> missing(Harness& h) {
  co_await startMounting(h);
  co_await h.until("running", [&] { return h.client.count("get", "configmaps") > 2; });
  h.client.drop(kube::kConfigMaps, "default", "settings");
  co_await h.until("event", [&] { return h.eventsWith("FailedMount") == 1; });
  h.client.clearCalls();
  co_await h.until("rounds", [&] { return h.client.count("get", "configmaps") > 3; });
  EXPECT_EQ(h.eventsWith("FailedMount"), 1U);
  EXPECT_EQ(h.client.count("patch", "events"), 0U) << "told once";
  EXPECT_TRUE(h.site.volume_updates.empty()) << "the containers keep what they have";
  h.client.put(kube::kConfigMaps, configMap("new"));
  co_await h.until("push", [&] { return !h.site.volume_updates.empty(); });
}
TEST(VolumeRefresher, MissingConfigMapIsSaidOnceAndTakesNothingAway) {
  withSettings(missing);
}

Task<Result<std::string>> askToken(ApiSource& source) {
  co_return co_await source.serviceAccountToken("default", "default", "p", "u1", "", 3600);
}

Task<void> tokens() {
  slipway::testing::ManualClock clock;
  kube::testing::FakeClient client(clock);
  ApiSource source(client, clock);
  EXPECT_EQ(*(co_await askToken(source)), "token-1");
  clock.advance(std::chrono::minutes(47));
  EXPECT_EQ(*(co_await askToken(source)), "token-1") << "78 % of its life";
  clock.advance(std::chrono::minutes(2));
  client.before = [](const kube::testing::Call&) { return Error{Code::ServiceUnavailable, "away"}; };
  EXPECT_EQ(*(co_await askToken(source)), "token-1") << "no new one: the old one is still good";
  client.before = nullptr;
  EXPECT_EQ(*(co_await askToken(source)), "token-2") << "over 80 %";
  clock.advance(std::chrono::minutes(61));
  client.before = [](const kube::testing::Call&) { return Error{Code::ServiceUnavailable, "away"}; };
  const Result<std::string> ended = co_await askToken(source);
  EXPECT_FALSE(ended.has_value()) << "an ended token is not given out";
  client.before = nullptr;
  source.forgetTokens("u1");
  EXPECT_EQ(*(co_await askToken(source)), "token-3");
}
TEST(ApiSource, TokensAreRenewedAt80PercentOfTheirLife) {
  async::runToEnd(tokens());
}

}  // namespace
}  // namespace slipway::bridge
