#include "bridge/names.h"
#include "bridge/testing/harness.h"

namespace slipway::bridge {
namespace {

using testing::Harness;
using namespace std::chrono_literals;

constexpr const char* kNs = "slipway-jobs";

Task<void> showsAJob(Harness& h) {
  co_await h.until("gated pod", [&] { return h.phase("7-train-0", kNs) == "Pending"; });
  const std::string uid(kube::uid(*h.pod("7-train-0", kNs)));
  EXPECT_EQ(kube::items(*h.pod("7-train-0", kNs), {"spec", "schedulingGates"}).size(), 1U);

  h.site.setJob(Harness::job(7, "RUNNING", {"n1"}));
  co_await h.until("running", [&] { return h.phase("7-train-0", kNs) == "Running"; });
  EXPECT_EQ(kube::uid(*h.pod("7-train-0", kNs)), uid) << "bound, not made anew";
  EXPECT_EQ(kube::text(*h.pod("7-train-0", kNs), {"spec", "nodeName"}), "n1");

  site::v1::Job done = Harness::job(7, "FAILED", {"n1"});
  done.set_exit_code(3);
  done.set_end_time(1000100);
  h.site.setJob(done);
  co_await h.until("failed", [&] { return h.phase("7-train-0", kNs) == "Failed"; });
  const auto statuses = kube::items(*h.pod("7-train-0", kNs), {"status", "containerStatuses"});
  EXPECT_EQ(kube::integer(statuses[0].as_object(), {"state", "terminated", "exitCode"}), 3);

  h.site.removeJob(7);
  co_await h.until("gone", [&] { return h.phase("7-train-0", kNs) == "gone"; });
  EXPECT_TRUE(h.site.cancels.empty());
}
TEST(JobMirror, ShowsAJobFromQueueToEnd) {
  Harness h;
  h.site.setNode(Harness::slurmNode("n1"));
  h.site.setJob(Harness::job(7, "PENDING"));
  h.run(showsAJob);
}

Task<void> otherShare(Harness& h) {
  co_await h.until("gated pod", [&] { return h.phase("7-train-0", kNs) == "Pending"; });
  site::v1::Job two = Harness::job(7, "RUNNING", {"n1", "n2"});
  two.mutable_nodes(0)->set_cpus(9);
  h.site.setJob(two);
  co_await h.until("two pods",
                   [&] { return h.phase("7-train-0", kNs) == "Running" && h.phase("7-train-1", kNs) == "Running"; });
  const kube::Object pod = *h.pod("7-train-0", kNs);
  const auto& container = kube::items(pod, {"spec", "containers"})[0].as_object();
  EXPECT_EQ(kube::text(container, {"resources", "requests", "cpu"}), "9");
}
TEST(JobMirror, OtherShareThanAskedForMakesANewPod) {
  Harness h;
  h.site.setNode(Harness::slurmNode("n1"));
  h.site.setNode(Harness::slurmNode("n2"));
  h.site.setJob(Harness::job(7, "PENDING"));
  h.run(otherShare);
}

Task<void> requeues(Harness& h) {
  co_await h.until("running", [&] { return h.phase("7-train-0", kNs) == "Running"; });
  site::v1::Job waiting = Harness::job(7, "PENDING");
  waiting.set_restarts(1);
  h.site.setJob(waiting);
  co_await h.until("gated", [&] { return h.phase("7-train-0", kNs) == "Pending"; });
  site::v1::Job again = Harness::job(7, "RUNNING", {"n2"});
  again.set_restarts(1);
  h.site.setJob(again);
  co_await h.until("running", [&] { return h.phase("7-train-0", kNs) == "Running"; });
  const auto statuses = kube::items(*h.pod("7-train-0", kNs), {"status", "containerStatuses"});
  EXPECT_EQ(kube::integer(statuses[0].as_object(), {"restartCount"}), 1);
  EXPECT_EQ(kube::text(*h.pod("7-train-0", kNs), {"spec", "nodeName"}), "n2");
}
TEST(JobMirror, RequeueIsARestart) {
  Harness h;
  h.site.setNode(Harness::slurmNode("n1"));
  h.site.setNode(Harness::slurmNode("n2"));
  h.site.setJob(Harness::job(7, "RUNNING", {"n1"}));
  h.run(requeues);
}

Task<void> comesBack(Harness& h) {
  co_await h.until("running", [&] { return h.phase("7-train-0", kNs) == "Running"; });
  const std::string uid(kube::uid(*h.pod("7-train-0", kNs)));
  h.client.drop(kube::kPods, kNs, "7-train-0");
  co_await h.until("again", [&] { return h.phase("7-train-0", kNs) == "Running"; });
  EXPECT_NE(kube::uid(*h.pod("7-train-0", kNs)), uid);
  EXPECT_TRUE(h.site.cancels.empty());
}
TEST(JobMirror, DeletedPodComesBackAndTheJobLives) {
  Harness h;
  h.site.setNode(Harness::slurmNode("n1"));
  h.site.setJob(Harness::job(7, "RUNNING", {"n1"}));
  h.run(comesBack);
}

Task<void> oneBadJob(Harness& h) {
  co_await h.until("good jobs",
                   [&] { return h.phase("7-train-0", kNs) == "Running" && h.phase("9-train-0", kNs) == "Running"; });
  co_await h.until("event", [&] { return h.eventsWith("CannotMirrorJob") > 0; });
  EXPECT_EQ(h.phase("8-train-0", kNs), "gone");
}
TEST(JobMirror, OneJobThatCannotBeShownHoldsNothingUp) {
  Harness h;
  h.site.setNode(Harness::slurmNode("n1"));
  for (const uint32_t id : {7U, 8U, 9U}) h.site.setJob(Harness::job(id, "RUNNING", {"n1"}));
  h.client.before = [](const kube::testing::Call& call) -> std::optional<Error> {
    if (call.verb != "create" || call.name != "8-train-0") return std::nullopt;
    return Error{Code::Invalid, "spec: no"};
  };
  h.run(oneBadJob);
}

Task<void> ownJobs(Harness& h) {
  co_await h.until("other job", [&] { return h.phase("9-train-0", kNs) == "Running"; });
  co_await h.settle();
  EXPECT_EQ(h.mirrored().size(), 2U) << "ours is no mirrored pod; somebody who copies our comment is";
}
TEST(JobMirror, OwnJobsAreNotMirrored) {
  Harness h;
  h.site.setNode(Harness::slurmNode("n1"));
  site::v1::Job own = Harness::job(7, "RUNNING", {"n1"});
  own.set_comment("slipway:hpc:uid:0");
  own.set_user("alice");
  h.site.setJob(own);
  site::v1::Job copied = own;
  copied.set_id(8);
  copied.set_user("mallory");
  h.site.setJob(copied);
  h.site.setJob(Harness::job(9, "RUNNING", {"n1"}));
  h.run(ownJobs);
}

Task<void> restartsQuietly(Harness& h) {
  co_await h.until("pods",
                   [&] { return h.phase("7-train-0", kNs) == "Running" && h.phase("8-train-0", kNs) == "Pending"; });
  co_await h.settle();
  h.client.clearCalls();
  co_await h.restart();
  co_await async::sleepFor(150ms);
  EXPECT_EQ(h.client.count("create", "pods") + h.client.count("patch", "pods") + h.client.count("delete", "pods"), 0U);
  h.site.empty_snapshots = true;
  h.site.breakTunnels();
  co_await h.reconnect();
  co_await async::sleepFor(50ms);
  EXPECT_EQ(h.mirrored().size(), 2U);
}
TEST(JobMirror, RestartWritesNothingAndEmptyAnswersDeleteNothing) {
  Harness h;
  h.site.setNode(Harness::slurmNode("n1"));
  h.site.setJob(Harness::job(7, "RUNNING", {"n1"}));
  h.site.setJob(Harness::job(8, "PENDING"));
  h.run(restartsQuietly);
}

}  // namespace
}  // namespace slipway::bridge
