#include "async/deadline.h"
#include "bridge/kubelet_backend.h"
#include "bridge/names.h"
#include "bridge/testing/harness.h"

namespace slipway::bridge {
namespace {

using site::v1::PodReport;
using testing::Harness;
using namespace std::chrono_literals;

Task<std::string> readUntil(kubelet::LogStream& stream, std::string wanted) {
  std::string out;
  while (out.find(wanted) == std::string::npos) {
    Task<Result<std::optional<std::string>>> next = stream.next();
    const auto piece = co_await async::withDeadline(std::move(next), 5s, "log");
    if (!piece) ADD_FAILURE() << piece.error().message;
    if (!piece || !*piece) co_return out;
    out += **piece;
  }
  co_return out;
}

Task<void> followsOverBreaks(Harness& h) {
  co_await h.until("node", [&] { return h.node("n1").has_value(); });
  h.createPod("p", "n1");
  co_await h.until("submit", [&] { return h.site.accepted.size() == 1; });
  const std::string uid(kube::uid(*h.pod("p")));
  PodReport report = h.site.reportOf(uid, PodReport::RUNNING);
  site::v1::ContainerReport* container = report.add_containers();
  container->set_name("c");
  container->mutable_running()->set_started_at_ns(1);
  h.site.report(report);
  co_await h.until("running", [&] { return h.phase("p") == "Running"; });
  KubeletBackend backend(*h.bridge, h.clock);
  kubelet::LogOptions options;
  options.follow = true;
  h.site.appendLog("one\ntwo\n");
  kubelet::ContainerRef ref;
  ref.ns = "default";
  ref.pod = "p";
  ref.uid = uid;
  ref.container = "c";
  auto stream = co_await backend.logs(ref, options);
  if (!stream) co_return ADD_FAILURE() << stream.error().message;
  std::string all = co_await readUntil(**stream, "two\n");
  h.site.breakTunnels();
  h.site.appendLog("three\n");
  co_await h.reconnect();
  all += co_await readUntil(**stream, "three\n");
  EXPECT_EQ(all, "one\ntwo\nthree\n");
}
TEST(KubeletLogs, FollowerOutlivesTheAgentsTunnel) {
  Harness h;
  h.site.setNode(Harness::slurmNode("n1"));
  h.run(followsOverBreaks);
}

/// A Pod that somebody gave the labels of job 17, bound to n1.
void forgePod(Harness& h, const std::string& ns) {
  kube::Object pod = h.createPod("mine", "n1", ns);
  kube::ensure(pod, {"metadata", "labels"})["slipway.dev/job-id"] = "17";
  kube::ensure(pod, {"metadata", "labels"})["slipway.dev/cluster"] = "hpc";
  kube::ensure(pod, {"metadata", "labels"})["slipway.dev/node-rank"] = "9";
  kube::ensure(pod, {"metadata"}).erase("resourceVersion");
  h.client.put(kube::kPods, pod);
}

Task<void> forgedLabels(Harness& h) {
  h.site.setJob(Harness::job(17, "RUNNING", {"n1"}));
  h.site.appendLog("private\n");
  co_await h.until("mirrored", [&] { return h.mirrored().size() == 1; });
  KubeletBackend backend(*h.bridge, h.clock);
  kubelet::ContainerRef shown;
  shown.ns = "slipway-jobs";
  shown.pod = std::string(kube::name(h.mirrored()[0]));
  shown.container = "job";
  auto stream = co_await backend.logs(shown, {});
  EXPECT_TRUE(stream.has_value());
  h.client.before = [](const kube::testing::Call& call) -> std::optional<Error> {
    // The mirror would take the forged Pod away.
    if (call.verb == "delete") return Error{Code::ServiceUnavailable, "down"};
    return std::nullopt;
  };
  forgePod(h, "evil");
  kubelet::ContainerRef forged = shown;
  forged.ns = "evil";
  forged.pod = "mine";
  co_await h.until("seen", [&] { return h.bridge->pods().get("evil/mine") != nullptr; });
  auto refused = co_await backend.logs(forged, {});
  EXPECT_FALSE(refused.has_value());
  if (!refused) EXPECT_TRUE(refused.error().is(Code::NotFound)) << refused.error().message;
  h.client.before = nullptr;
}
TEST(KubeletLogs, LabelsOfAJobOnSomebodysPodShowNothingOfIt) {
  Harness h;
  h.site.setNode(Harness::slurmNode("n1"));
  h.run(forgedLabels);
}

kube::Object withStatus(const kube::Object& status) {
  return {{"metadata", {{"name", "p"}}}, {"status", {{"containerStatuses", kube::json::array{status}}}}};
}

TEST(KubeletLogs, WhatHasNoLogIsSaidInTheWordsOfAKubelet) {
  const kube::Object waits =
      withStatus({{"name", "c"}, {"state", {{"waiting", {{"reason", "ErrImagePull"}}}}}, {"lastState", {}}});
  const kube::Object runs = withStatus({{"name", "c"}, {"state", {{"running", kube::Object()}}}});
  const kube::Object again = withStatus({{"name", "c"},
                                         {"state", {{"waiting", {{"reason", "CrashLoopBackOff"}}}}},
                                         {"lastState", {{"terminated", {{"exitCode", 1}}}}}});
  const std::string none = "previous terminated container \"c\" in pod \"p\" not found";
  EXPECT_EQ(noLog(waits, "c", false), "container \"c\" in pod \"p\" is waiting to start: ErrImagePull");
  EXPECT_EQ(noLog(waits, "other", false), "container \"other\" in pod \"p\" is waiting to start: ContainerCreating");
  EXPECT_EQ(noLog(waits, "c", true), none);
  EXPECT_EQ(noLog(runs, "c", false), std::nullopt);
  EXPECT_EQ(noLog(runs, "c", true), none);
  EXPECT_EQ(noLog(again, "c", false), std::nullopt);
  EXPECT_EQ(noLog(again, "c", true), std::nullopt);
  kube::Object refused = withStatus({{"name", "c"}, {"state", {{"terminated", {{"exitCode", 137}}}}}});
  refused["status"].as_object()["phase"] = "Failed";
  refused["status"].as_object()["reason"] = "InvalidPod";
  refused["status"].as_object()["message"] = "spec.hostPID: no";
  EXPECT_EQ(noLog(refused, "c", false), "container \"c\" in pod \"p\" never ran: InvalidPod: spec.hostPID: no");
  kube::ensure(refused, {"metadata", "annotations"})[annotation::kJobId] = "7";
  EXPECT_EQ(noLog(refused, "c", false), std::nullopt) << "it had a job";
}

}  // namespace
}  // namespace slipway::bridge
