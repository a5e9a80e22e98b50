#include "bridge/names.h"
#include "bridge/testing/harness.h"

namespace slipway::bridge {
namespace {

using site::v1::PodReport;
using testing::Harness;
using namespace std::chrono_literals;

void with(std::function<Task<void>(Harness&)> script, const std::function<void(Harness&)>& prepare = nullptr) {
  Harness h;
  h.site.setNode(Harness::slurmNode("n1"));
  if (prepare) prepare(h);
  h.run(std::move(script));
}

std::string uidOf(const Harness& h, const std::string& name) {
  return std::string(kube::uid(*h.pod(name)));
}

PodReport running(const Harness& h, const std::string& uid) {
  PodReport report = h.site.reportOf(uid, PodReport::RUNNING);
  report.set_started_at_ns(1'700'000'000'000'000'000);
  site::v1::ContainerReport* container = report.add_containers();
  container->set_name("c");
  container->set_ready(true);
  container->set_started(true);
  container->mutable_running()->set_started_at_ns(1'700'000'000'000'000'000);
  return report;
}

PodReport succeeded(const Harness& h, const std::string& uid) {
  PodReport report = h.site.reportOf(uid, PodReport::SUCCEEDED);
  site::v1::ContainerReport* container = report.add_containers();
  container->set_name("c");
  container->mutable_terminated()->set_exit_code(0);
  container->mutable_terminated()->set_reason("Completed");
  return report;
}

Task<void> becomesAJob(Harness& h) {
  co_await h.until("node", [&] { return h.node("n1").has_value(); });
  h.createPod("p", "n1");
  co_await h.until("submit", [&] { return h.site.accepted.size() == 1; });
  const site::v1::PodPlan plan = h.site.submits[0].plan();
  EXPECT_EQ(plan.pod_uid(), uidOf(h, "p"));
  EXPECT_EQ(plan.slurm().node_list(0), "n1");
  h.site.report(running(h, uidOf(h, "p")));
  co_await h.until("running", [&] { return h.phase("p") == "Running"; });
  EXPECT_EQ(kube::annotation(*h.pod("p"), annotation::kJobId), "5000");
  co_await h.settle();
  h.client.clearCalls();
  h.site.report(running(h, uidOf(h, "p")));
  co_await async::sleepFor(30ms);
  EXPECT_EQ(h.client.count("patch", "pods"), 0U) << "the same report again writes nothing";
  h.site.report(succeeded(h, uidOf(h, "p")));
  co_await h.until("succeeded", [&] { return h.phase("p") == "Succeeded"; });
  EXPECT_EQ(h.site.submits.size(), 1U);
}
TEST(PodRunner, PodBecomesOneJobAndShowsItsLife) {
  with(becomesAJob);
}

Task<void> lostAnswer(Harness& h) {
  int losses = 3;
  h.site.report_on_submit = false;
  h.site.lose = [&losses](const site::v1::SubmitRequest&) -> std::optional<Error> {
    if (losses-- <= 0) return std::nullopt;
    return Error{Code::ServiceUnavailable, "the tunnel broke"};
  };
  co_await h.until("node", [&] { return h.node("n1").has_value(); });
  h.createPod("p", "n1");
  co_await h.until("annotated", [&] { return !kube::annotation(*h.pod("p"), annotation::kJobId).empty(); });
  EXPECT_EQ(h.site.submits.size(), 4U);
  EXPECT_EQ(h.site.accepted.size(), 1U) << "always the same uid and attempt";
  EXPECT_EQ(h.phase("p"), "Pending");
}
TEST(PodRunner, LostAnswerIsSettledByAskingAgain) {
  with(lostAnswer);
}

Task<void> deletesRunning(Harness& h) {
  co_await h.until("node", [&] { return h.node("n1").has_value(); });
  h.createPod("p", "n1");
  co_await h.until("submit", [&] { return h.site.accepted.size() == 1; });
  h.site.report(running(h, uidOf(h, "p")));
  co_await h.until("running", [&] { return h.phase("p") == "Running"; });
  h.site.report_on_cancel = false;
  const std::string uid = uidOf(h, "p");
  co_await h.deletePod("p");
  co_await h.until("cancel", [&] { return !h.site.cancels.empty(); });
  EXPECT_EQ(h.site.cancels[0].pod_uid(), uid);
  EXPECT_GE(h.site.cancels[0].grace_seconds(), 28);
  co_await async::sleepFor(20ms);
  EXPECT_EQ(h.phase("p"), "Running") << "the object stays until its job is gone";
  h.site.report(h.site.reportOf(uid, PodReport::FAILED));
  co_await h.until("gone", [&] { return h.phase("p") == "gone"; });
}
TEST(PodRunner, DeletedPodStaysUntilItsJobIsGone) {
  with(deletesRunning);
}

Task<void> deletedWhileAway(Harness& h) {
  co_await h.until("node", [&] { return h.node("n1").has_value(); });
  h.createPod("p", "n1");
  co_await h.until("submit", [&] { return h.site.accepted.size() == 1; });
  h.site.breakTunnels();
  co_await h.until("away", [&] { return h.bridge->connectedSites() == 0; });
  co_await h.deletePod("p");
  co_await async::sleepFor(30ms);
  EXPECT_TRUE(h.site.cancels.empty());
  EXPECT_NE(h.phase("p"), "gone");
  co_await h.reconnect();
  co_await h.until("gone", [&] { return h.phase("p") == "gone"; });
  EXPECT_EQ(h.site.cancels.size(), 1U);
}
TEST(PodRunner, PodDeletedWhileAgentAwayIsCancelledOnReturn) {
  with(deletedWhileAway);
}

Task<void> orphanFound(Harness& h) {
  co_await h.until("node", [&] { return h.node("n1").has_value(); });
  h.createPod("p", "n1");
  h.createPod("q", "n1");
  co_await h.until("submit", [&] { return h.site.accepted.size() == 2; });
  const std::string uid = uidOf(h, "p");
  co_await h.settle();
  co_await h.stop();
  h.client.drop(kube::kPods, "default", "p");
  const Executor executor = co_await async::thisExecutor();
  h.start(executor);
  co_await h.until("cancel", [&] { return !h.site.cancels.empty(); });
  EXPECT_EQ(h.site.cancels[0].pod_uid(), uid);
  co_await async::sleepFor(60ms);
  for (const auto& cancel : h.site.cancels) EXPECT_EQ(cancel.pod_uid(), uid) << "q lives";
  EXPECT_EQ(h.site.accepted.size(), 2U);
}
TEST(PodRunner, PodDeletedWhileControllerDownIsFoundByItsReport) {
  with(orphanFound);
}

Task<void> forced(Harness& h) {
  co_await h.until("node", [&] { return h.node("n1").has_value(); });
  h.createPod("p", "n1");
  co_await h.until("submit", [&] { return h.site.accepted.size() == 1; });
  co_await h.deletePod("p", 0);
  co_await h.until("cancel", [&] { return !h.site.cancels.empty(); });
}
TEST(PodRunner, ForcedDeletionCancelsTheJob) {
  with(forced);
}

Task<void> listLosesAll(Harness& h) {
  co_await h.until("node", [&] { return h.node("n1").has_value(); });
  h.createPod("p", "n1");
  co_await h.until("submit", [&] { return h.site.accepted.size() == 1; });
  h.site.report(running(h, uidOf(h, "p")));
  co_await h.until("running", [&] { return h.phase("p") == "Running"; });
  const kube::Object kept = *h.pod("p");
  h.client.before = [](const kube::testing::Call& call) -> std::optional<Error> {
    if (call.verb != "watch") return std::nullopt;
    return Error{Code::ServiceUnavailable, "down"};
  };
  h.client.endWatches();
  h.client.drop(kube::kPods, "default", "p");
  h.client.compact();
  h.client.before = nullptr;
  co_await h.until("missing", [&] { return h.bridge->pods().get("default/p") == nullptr; });
  EXPECT_TRUE(h.site.cancels.empty()) << "a list that lost it proves nothing yet";
  h.client.put(kube::kPods, kept);
  co_await h.until("back", [&] { return h.bridge->pods().get("default/p") != nullptr; });
  co_await async::sleepFor(30ms);
  EXPECT_TRUE(h.site.cancels.empty());
  EXPECT_EQ(h.site.accepted.size(), 1U);
}
TEST(PodRunner, APodThatAListLostHasTimeToComeBack) {
  Harness h;
  h.options.pods.orphan_delay = 2s;
  h.site.setNode(Harness::slurmNode("n1"));
  h.run(listLosesAll);
}

Task<void> annotatedLater(Harness& h) {
  co_await h.until("node", [&] { return h.node("n1").has_value(); });
  const auto down = std::make_shared<bool>(true);
  h.client.before = [down](const kube::testing::Call& call) -> std::optional<Error> {
    if (!*down || call.verb != "patch" || call.resource != kube::kPods || !call.subresource.empty())
      return std::nullopt;
    return Error{Code::ServiceUnavailable, "down"};
  };
  h.createPod("p", "n1");
  co_await h.until("submit", [&] { return h.site.accepted.size() == 1; });
  co_await h.restart();
  *down = false;
  h.site.report(running(h, uidOf(h, "p")));
  co_await h.until("annotated", [&] { return kube::annotation(*h.pod("p"), annotation::kJobId) == "5000"; });
  const auto endless = [&h] {
    const kube::Object pod = *h.pod("p");
    size_t count = 0;
    for (const auto& item : kube::items(pod, {"spec", "tolerations"})) {
      count += item.as_object().contains("tolerationSeconds") ? 0 : 1;
    }
    return count;
  };
  co_await h.until("tolerations: a long absence of the agent evicts nothing", [&] { return endless() == 2; });
}
TEST(PodRunner, WhatWasLeftUnwrittenAfterTheSubmissionIsWrittenLater) {
  Harness h;
  h.options.pods.outlive_after = 0ms;
  h.site.setNode(Harness::slurmNode("n1"));
  h.run(annotatedLater);
}

Task<void> endedIsForgotten(Harness& h) {
  co_await h.until("node", [&] { return h.node("n1").has_value(); });
  h.createPod("p", "n1");
  co_await h.until("submit", [&] { return h.site.accepted.size() == 1; });
  const std::string uid = uidOf(h, "p");
  h.site.report(succeeded(h, uid));
  co_await h.until("succeeded", [&] { return h.phase("p") == "Succeeded"; });
  co_await async::sleepFor(20ms);
  EXPECT_TRUE(h.site.cancels.empty());
  co_await h.deletePod("p", 0);
  co_await h.until("told", [&] { return h.site.cancels.size() == 1; });
  EXPECT_EQ(h.site.cancels[0].pod_uid(), uid);
  co_await async::sleepFor(60ms);
  EXPECT_EQ(h.site.cancels.size(), 1U);
}
TEST(PodRunner, TheAgentIsToldWhenAnEndedPodIsDeleted) {
  with(endedIsForgotten);
}

Task<void> shorterGrace(Harness& h) {
  co_await h.until("node", [&] { return h.node("n1").has_value(); });
  h.createPod("p", "n1");
  co_await h.until("submit", [&] { return h.site.accepted.size() == 1; });
  h.site.report_on_cancel = false;
  h.site.report(running(h, uidOf(h, "p")));
  co_await h.until("running", [&] { return h.phase("p") == "Running"; });
  co_await h.deletePod("p", 20);
  co_await h.until("cancel", [&] { return !h.site.cancels.empty(); });
  EXPECT_EQ(h.site.cancels.back().grace_seconds(), 20) << "whatever the clock of the API server says";
  co_await h.deletePod("p", 3);
  co_await h.until("cancel", [&] { return h.site.cancels.back().grace_seconds() <= 3; });
}
TEST(PodRunner, ASecondDeletionShortensTheGrace) {
  Harness h;
  h.options.pods.cancel_again = 10s;
  h.site.setNode(Harness::slurmNode("n1"));
  h.run(shorterGrace);
}

Task<void> refusedAndHeals(Harness& h) {
  co_await h.until("node", [&] { return h.node("n1").has_value(); });
  h.site.refuse = [](const site::v1::SubmitRequest&) -> std::optional<Error> {
    return Error{Code::BadRequest, "sbatch: error: invalid account"};
  };
  h.createPod("p", "n1");
  co_await h.until("event", [&] { return h.eventsWith("SubmitRefused") == 1; });
  co_await h.until("tried again", [&] { return h.site.submits.size() >= 3; });
  EXPECT_EQ(h.phase("p"), "Pending");
  bool told = false;
  const kube::Object pod = *h.pod("p");
  for (const auto& item : kube::items(pod, {"status", "conditions"})) {
    const kube::Object& condition = item.as_object();
    if (kube::text(condition, {"type"}) != kSubmittedCondition) continue;
    told = kube::text(condition, {"message"}).find("invalid account") != std::string_view::npos;
  }
  EXPECT_TRUE(told);
  EXPECT_EQ(h.eventsWith("SubmitRefused"), 1U);
  h.site.refuse = nullptr;
  co_await h.until("accepted", [&] { return h.site.accepted.size() == 1; });
  h.site.report(running(h, uidOf(h, "p")));
  co_await h.until("running", [&] { return h.phase("p") == "Running"; });
}
TEST(PodRunner, RefusedSubmissionIsToldAndHeals) {
  with(refusedAndHeals);
}

Task<void> invalidOnes(Harness& h) {
  co_await h.until("node", [&] { return h.node("n1").has_value(); });
  const std::pair<const char*, const char*> cases[] = {
      {"bare", ""}, {"of-a-job", "Job"}, {"of-a-replica-set", "ReplicaSet"}};
  for (const auto& [name, owner] : cases) {
    kube::Object pod{{"metadata", {{"name", name}, {"namespace", "default"}}},
                     {"spec",
                      {{"nodeName", "n1"},
                       {"restartPolicy", "Always"},
                       {"hostPID", true},
                       {"containers", kube::json::array{kube::Object{{"name", "c"}, {"image", "busybox"}}}}}},
                     {"status", {{"phase", "Pending"}}}};
    if (*owner != '\0') {
      kube::ensure(pod, {"metadata"})["ownerReferences"] =
          kube::json::array{kube::Object{{"kind", owner}, {"name", "o"}, {"uid", "u"}, {"controller", true}}};
    }
    h.client.put(kube::kPods, std::move(pod));
  }
  co_await h.until("told", [&] { return h.eventsWith("InvalidPod") == 3; });
  co_await h.until("ended", [&] { return h.phase("bare") == "Failed" && h.phase("of-a-job") == "Failed"; });
  const auto message = [&] { return std::string(kube::text(*h.pod("of-a-replica-set"), {"status", "message"})); };
  co_await h.until("said", [&] { return message().find("hostPID") != std::string::npos; });
  EXPECT_EQ(h.phase("of-a-replica-set"), "Pending") << "another would be made at once, without end";
  EXPECT_TRUE(h.site.submits.empty());
}
TEST(PodRunner, AnInvalidPodThatWouldBeReplacedWithoutEndStays) {
  with(invalidOnes);
}

Task<void> changedAfterRefusal(Harness& h) {
  co_await h.until("node", [&] { return h.node("n1").has_value(); });
  h.site.refuse = [](const site::v1::SubmitRequest& request) -> std::optional<Error> {
    if (request.plan().containers(0).env_size() > 0) return std::nullopt;
    return Error{Code::BadRequest, "not yet"};
  };
  const kube::Object made = h.createPod("p", "n1");
  co_await h.until("refused", [&] { return h.eventsWith("SubmitRefused") == 1; });
  kube::Object changed = *h.pod("p");
  kube::ensure(changed, {"metadata", "annotations"})["mended"] = "yes";
  kube::Object& container = kube::ensure(changed, {"spec"})["containers"].as_array()[0].as_object();
  container["env"] = kube::json::array{kube::Object{{"name", "A"}, {"value", "b"}}};
  h.client.put(kube::kPods, changed);
  co_await h.until("accepted", [&] { return h.site.accepted.size() == 1; });
}
TEST(PodRunner, APodThatWasChangedAfterARefusalIsTriedAtOnce) {
  with(changedAfterRefusal, [](Harness& h) { h.options.pods.refused = {.initial = 1h, .max = 1h}; });
}

Task<void> deadlineSetLater(Harness& h) {
  co_await h.until("node", [&] { return h.node("n1").has_value(); });
  h.createPod("p", "n1");
  co_await h.until("submit", [&] { return h.site.accepted.size() == 1; });
  h.site.report(running(h, uidOf(h, "p")));
  co_await h.until("running", [&] { return h.phase("p") == "Running"; });
  EXPECT_TRUE(h.site.cancels.empty());
  kube::Object changed = *h.pod("p");
  kube::ensure(changed, {"spec"})["activeDeadlineSeconds"] = 5;
  h.client.put(kube::kPods, changed);
  co_await h.until("cancel", [&] { return h.site.cancels.size() == 1; });
  h.site.report(succeeded(h, uidOf(h, "p")));
  co_await h.until("failed", [&] { return h.phase("p") == "Failed"; });
  EXPECT_EQ(kube::text(*h.pod("p"), {"status", "reason"}), "DeadlineExceeded");
}
TEST(PodRunner, ADeadlineThatIsSetOnARunningPodEndsIt) {
  with(deadlineSetLater);
}

Task<void> manyChanges(Harness& h) {
  co_await h.until("node", [&] { return h.node("n1").has_value(); });
  h.createPod("p", "n1");
  co_await h.until("submit", [&] { return h.site.accepted.size() == 1; });
  h.site.report(running(h, uidOf(h, "p")));
  co_await h.until("running", [&] { return h.phase("p") == "Running"; });
  co_await h.settle();
  h.client.clearCalls();
  for (int64_t generation = 2; generation < 20; ++generation) {
    kube::Object changed = *h.pod("p");
    kube::ensure(changed, {"metadata"})["generation"] = generation;
    h.client.put(kube::kPods, changed);
    co_await async::sleepFor(2ms);
  }
  co_await h.until("observed", [&] { return kube::integer(*h.pod("p"), {"status", "observedGeneration"}) == 19; });
  EXPECT_LE(h.client.count("patch", "pods"), 3U);
}
TEST(PodRunner, ManyChangesOfAPodAreObservedTogether) {
  with(manyChanges);
}

size_t tolerationsOf(const Harness& h, const std::string& name) {
  return kube::items(*h.pod(name), {"spec", "tolerations"}).size();
}

Task<void> outlives(Harness& h) {
  co_await h.until("node", [&] { return h.node("n1").has_value(); });
  kube::Object made = h.createPod("p", "n1");
  kube::ensure(made, {"metadata"})["creationTimestamp"] = formatTime(h.clock.now());
  h.client.put(kube::kPods, made);
  co_await h.until("submit", [&] { return h.site.accepted.size() == 1; });
  h.site.report(running(h, uidOf(h, "p")));
  co_await h.until("running", [&] { return h.phase("p") == "Running"; });
  co_await h.settle();
  EXPECT_EQ(tolerationsOf(h, "p"), 0U) << "its spec is as its user made it";
  h.site.breakTunnels();
  co_await h.until("tolerations", [&] { return tolerationsOf(h, "p") == 2; });
}
TEST(PodRunner, AYoungPodGetsItsTolerationsWhenTheAgentGoes) {
  with(outlives);
}

Task<void> outlivesOnceQuiet(Harness& h) {
  co_await h.until("node", [&] { return h.node("n1").has_value(); });
  const auto put = [&h](int64_t generation, std::chrono::seconds age) {
    kube::Object pod = h.pod("p") ? *h.pod("p") : h.createPod("p", "n1");
    kube::ensure(pod, {"metadata"})["generation"] = generation;
    kube::ensure(pod, {"metadata"})["creationTimestamp"] = formatTime(h.clock.now() - age);
    h.client.put(kube::kPods, pod);
  };
  put(1, 0s);
  co_await h.until("submit", [&] { return h.site.accepted.size() == 1; });
  h.site.report(running(h, uidOf(h, "p")));
  co_await h.until("running", [&] { return h.phase("p") == "Running"; });
  co_await h.settle();
  put(2, 1h);
  co_await h.until("observed", [&] { return kube::integer(*h.pod("p"), {"status", "observedGeneration"}) == 2; });
  co_await h.settle();
  EXPECT_EQ(tolerationsOf(h, "p"), 0U) << "it is old, but somebody is at work on it";
  co_await h.until("tolerations", [&] { return tolerationsOf(h, "p") == 2; });
}
TEST(PodRunner, APodThatIsBeingChangedGetsItsTolerationsOnceItIsLeftAlone) {
  with(outlivesOnceQuiet, [](Harness& h) { h.options.pods.outlive_after = 2s; });
}

Task<void> policy(Harness& h) {
  co_await h.until("node", [&] { return h.node("n1").has_value(); });
  h.createPod("proxy", "n1", "kube-system");
  co_await h.until("event", [&] { return h.eventsWith("PolicyRefused") == 1; });
  co_await h.settle();
  EXPECT_TRUE(h.site.submits.empty());
  EXPECT_EQ(h.phase("proxy", "kube-system"), "Pending");
}
TEST(PodRunner, PodsOfDeniedNamespacesDoNotRun) {
  with(policy);
}

Task<void> restartsDoubleNothing(Harness& h) {
  co_await h.until("node", [&] { return h.node("n1").has_value(); });
  for (int i = 0; i < 20; ++i) h.createPod(fmt::format("p{}", i), "n1");
  for (int round = 0; round < 5; ++round) {
    co_await async::sleepFor(7ms);
    co_await h.restart();
  }
  co_await h.until("all", [&] { return h.site.accepted.size() == 20; });
  co_await h.settle();
  EXPECT_EQ(h.site.accepted.size(), 20U);
  EXPECT_TRUE(h.site.cancels.empty());
}
TEST(PodRunner, RestartsOfTheControllerLoseAndDoubleNothing) {
  with(restartsDoubleNothing);
}

Task<void> flakyApi(Harness& h) {
  co_await h.until("node", [&] { return h.node("n1").has_value(); });
  uint64_t turn = 0;
  const auto sometimes = [&turn](const kube::testing::Call& call) -> std::optional<Error> {
    if (!call.isWrite() || ++turn % 3 != 0) return std::nullopt;
    return Error{turn % 2 == 0 ? Code::Timeout : Code::ServiceUnavailable, "flaky"};
  };
  h.client.before = sometimes;
  h.client.after = sometimes;
  for (int i = 0; i < 10; ++i) h.createPod(fmt::format("p{}", i), "n1");
  co_await h.until("submits", [&] { return h.site.accepted.size() == 10; });
  for (int i = 0; i < 10; ++i) h.site.report(succeeded(h, uidOf(h, fmt::format("p{}", i))));
  co_await h.until("ends", [&] {
    bool all = true;
    for (int i = 0; i < 10; ++i) all = all && h.phase(fmt::format("p{}", i)) == "Succeeded";
    return all;
  });
  h.client.before = nullptr;
  h.client.after = nullptr;
  EXPECT_EQ(h.site.accepted.size(), 10U);
}
TEST(PodRunner, FlakyApiDelaysAndHarmsNothing) {
  with(flakyApi);
}

Task<void> boundBeforeNode(Harness& h) {
  co_await h.until("submit", [&] { return h.site.accepted.size() == 1; });
}
TEST(PodRunner, PodBoundBeforeItsNodeExistedRunsToo) {
  with(boundBeforeNode, [](Harness& h) { h.createPod("early", "n1"); });
}
TEST(PodRunner, AStubIsFetchedUntilItSucceeds) {
  const auto failures = std::make_shared<int>(4);
  with(boundBeforeNode, [failures](Harness& h) {
    h.createPod("early", "n1");
    h.client.before = [failures](const kube::testing::Call& call) -> std::optional<Error> {
      if (call.verb != "get" || call.resource != kube::kPods || (*failures)-- <= 0) return std::nullopt;
      return Error{Code::ServiceUnavailable, "down"};
    };
  });
  EXPECT_LE(*failures, 0);
}

std::string readiness(const Harness& h, const std::string& name) {
  const std::optional<kube::Object> pod = h.pod(name);
  for (const auto& item : kube::items(*pod, {"status", "conditions"})) {
    if (kube::text(item.as_object(), {"type"}) == "Ready") return std::string(kube::text(item.as_object(), {"status"}));
  }
  return "";
}

Task<void> vanishes(Harness& h) {
  co_await h.until("node", [&] { return h.node("n1").has_value(); });
  h.createPod("p", "n1");
  co_await h.until("submit", [&] { return h.site.accepted.size() == 1; });
  h.site.report(running(h, uidOf(h, "p")));
  co_await h.until("ready", [&] { return readiness(h, "p") == "True"; });
  PodReport unknown = h.site.reportOf(uidOf(h, "p"), PodReport::UNKNOWN);
  unknown.set_reason("JobVanished");
  unknown.set_message("Slurm does not know job 5000 any more");
  h.site.report(unknown);
  co_await h.until("reason", [&] { return kube::text(*h.pod("p"), {"status", "reason"}) == "JobVanished"; });
  EXPECT_EQ(h.phase("p"), "Running");
  EXPECT_EQ(readiness(h, "p"), "Unknown");
  const std::string message(kube::text(*h.pod("p"), {"status", "message"}));
  EXPECT_NE(message.find("job 5000"), std::string::npos);
  EXPECT_NE(message.find("delete the pod"), std::string::npos);
  co_await h.until("event", [&] { return h.eventsWith("JobVanished") == 1; });
  h.site.report(unknown);
  co_await h.settle();
  h.client.clearCalls();
  h.site.report(unknown);
  co_await async::sleepFor(20ms);
  EXPECT_EQ(h.realWrites(), 0U);
  h.site.report(running(h, uidOf(h, "p")));
  co_await h.until("heals", [&] { return readiness(h, "p") == "True"; });
  EXPECT_EQ(kube::text(*h.pod("p"), {"status", "reason"}), "");
  EXPECT_EQ(h.site.submits.size(), 1U);
}
TEST(PodRunner, JobOfUnknownFateIsSaidOnThePodAndNothingElseIsDone) {
  with(vanishes);
}

Task<void> unclear(Harness& h) {
  co_await h.until("node", [&] { return h.node("n1").has_value(); });
  h.site.refuse = [](const site::v1::SubmitRequest&) { return Error{Code::Timeout, "sbatch timed out"}; };
  h.createPod("p", "n1");
  co_await h.until("asked", [&] { return !h.site.submits.empty(); });
  PodReport open = h.site.reportOf(uidOf(h, "p"), PodReport::SUBMITTING);
  open.set_reason("OutcomeUnknown");
  open.set_message("whether Slurm took the job is not known yet: sbatch timed out");
  h.site.report(open);
  co_await h.until("event", [&] { return h.eventsWith("OutcomeUnknown") == 1; });
  co_await h.until("reason", [&] { return kube::text(*h.pod("p"), {"status", "reason"}) == "OutcomeUnknown"; });
  EXPECT_EQ(h.phase("p"), "Pending");
}
TEST(PodRunner, SubmissionOfUnknownOutcomeIsSaidOnThePod) {
  with(unclear);
}

Task<void> givesSecretsAgain(Harness& h) {
  co_await h.until("node", [&] { return h.node("n1").has_value(); });
  h.createPod("p", "n1");
  co_await h.until("submit", [&] { return h.site.accepted.size() == 1; });
  PodReport report = running(h, uidOf(h, "p"));
  h.site.report(report);
  co_await h.until("running", [&] { return h.phase("p") == "Running"; });
  EXPECT_EQ(h.site.submits.size(), 1U);
  // An agent that was restarted has the pod's secrets no more.
  report.set_sequence(report.sequence() + 1);
  report.set_wants_secrets(true);
  h.site.report(report);
  co_await h.until("the plan once more", [&] { return h.site.submits.size() == 2; });
  EXPECT_EQ(h.site.submits[1].plan().pod_uid(), uidOf(h, "p"));
  EXPECT_EQ(h.site.submits[1].plan().attempt(), h.site.submits[0].plan().attempt());
}
TEST(PodRunner, AnAgentThatHasThePodsSecretsNoMoreGetsThemAgain) {
  with(givesSecretsAgain);
}

}  // namespace
}  // namespace slipway::bridge
