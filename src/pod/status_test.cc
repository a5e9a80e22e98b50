#include "pod/status.h"

#include <gtest/gtest.h>

namespace slipway::pod {
namespace {

using site::v1::ContainerReport;
using site::v1::PodReport;

kube::Object somePod(std::string_view init = "") {
  const std::string text = fmt::format(
      R"({{"metadata":{{"name":"web","uid":"u-1"}},"spec":{{"restartPolicy":"Always","initContainers":[{}],
           "containers":[{{"name":"a","image":"i"}},{{"name":"b","image":"i"}}]}}}})",
      init);
  return kube::json::parse(text).as_object();
}

PodReport running(std::initializer_list<std::string_view> names) {
  PodReport report;
  report.set_stage(PodReport::RUNNING);
  report.set_started_at_ns(1700000000000000000);
  for (const std::string_view name : names) {
    auto* container = report.add_containers();
    container->set_name(std::string(name));
    container->mutable_running()->set_started_at_ns(1700000000000000000);
    container->set_ready(true);
    container->set_started(true);
  }
  return report;
}

const WallTime kNow{std::chrono::seconds(1700000100)};

std::string condition(const kube::Object& status, std::string_view type, std::string_view field = "status") {
  for (const auto& each : kube::items(status, {"conditions"})) {
    if (kube::text(each.get_object(), {"type"}) == type) return std::string(kube::text(each.get_object(), {field}));
  }
  return "none";
}

TEST(PodStatus, RunningAndReady) {
  const auto status = podStatus(somePod(), running({"a", "b"}), {.host_ip = "10.0.0.9", .pod_ip = "10.0.0.1"}, kNow);
  EXPECT_EQ(kube::text(status, {"phase"}), "Running");
  EXPECT_EQ(condition(status, "Ready"), "True");
  EXPECT_EQ(kube::text(status, {"podIP"}), "10.0.0.1");
  EXPECT_EQ(kube::text(status, {"hostIP"}), "10.0.0.9");
  EXPECT_EQ(kube::text(status, {"startTime"}), "2023-11-14T22:13:20Z");
  EXPECT_EQ(kube::text(status, {"qosClass"}), "BestEffort");
}

TEST(PodStatus, TheIdOfAContainerIsThatOfItsLastRun) {
  PodReport report = running({"a", "b"});
  report.set_pod_uid("u-1");
  ContainerReport& waits = *report.mutable_containers(0);
  waits.mutable_waiting()->set_reason("CrashLoopBackOff");
  waits.set_restart_count(2);
  waits.mutable_last_terminated()->set_exit_code(137);
  waits.mutable_last_terminated()->set_signal(9);
  ContainerReport& runs = *report.mutable_containers(1);
  runs.set_restart_count(1);
  runs.mutable_last_terminated()->set_exit_code(1);
  const auto status = podStatus(somePod(), report, {}, kNow);
  const auto of = [&](size_t i) { return kube::items(status, {"containerStatuses"})[i].as_object(); };
  EXPECT_EQ(kube::text(of(0), {"containerID"}), "slipway://u-1-0-a-2");
  EXPECT_EQ(kube::text(of(0), {"lastState", "terminated", "containerID"}), "slipway://u-1-0-a-2");
  EXPECT_FALSE(kube::child(of(0), {"lastState", "terminated"}).contains("signal"));
  EXPECT_EQ(kube::text(of(1), {"containerID"}), "slipway://u-1-0-b-1");
  EXPECT_EQ(kube::text(of(1), {"lastState", "terminated", "containerID"}), "slipway://u-1-0-b-0");
}

TEST(PodStatus, TheQosClassIsThatOfTheApiServer) {
  kube::Object pod = somePod();
  kube::ensure(pod, {"status"})["qosClass"] = "Guaranteed";
  EXPECT_EQ(kube::text(podStatus(pod, running({"a", "b"}), {}, kNow), {"qosClass"}), "Guaranteed");
  kube::Object whole = somePod();
  whole["spec"].as_object()["resources"] = {{"limits", {{"cpu", "3"}, {"memory", "300Mi"}}},
                                            {"requests", {{"cpu", "3"}, {"memory", "300Mi"}}}};
  EXPECT_EQ(qosClass(whole), "Guaranteed");
}

TEST(PodStatus, AnInitContainerThatRunsIsNotReadyAndASidecarIs) {
  PodReport report = running({"setup", "side", "a", "b"});
  for (const int i : {0, 1}) report.mutable_containers(i)->set_kind(ContainerReport::INIT);
  const auto status =
      podStatus(somePod(R"({"name":"setup","image":"i"},{"name":"side","image":"i","restartPolicy":"Always"})"), report,
                {}, kNow);
  const auto& inits = kube::items(status, {"initContainerStatuses"});
  EXPECT_FALSE(kube::boolean(inits[0].as_object(), {"ready"}));
  EXPECT_TRUE(kube::boolean(inits[1].as_object(), {"ready"}));
}

TEST(PodStatus, AnEndThatIsNotThePodsOwnIsADisruption) {
  for (const std::string reason : {"Preempted", "NodeFail", "Evicted", "TimeLimit", "Error"}) {
    PodReport report = running({"a", "b"});
    report.set_stage(PodReport::FAILED);
    report.set_reason(reason);
    const bool own = reason == "TimeLimit" || reason == "Error";
    EXPECT_EQ(condition(podStatus(somePod(), report, {}, kNow), "DisruptionTarget"), own ? "none" : "True") << reason;
  }
}

TEST(PodStatus, IsTheSameAgainWhenNothingChanged) {
  kube::Object pod = somePod();
  const auto first = podStatus(pod, running({"a", "b"}), {}, kNow);
  pod["status"] = first;
  EXPECT_EQ(podStatus(pod, running({"a", "b"}), {}, kNow + std::chrono::hours(1)), first);
}

TEST(PodStatus, ShowsWhichGenerationItIsOf) {
  kube::Object pod = somePod();
  kube::ensure(pod, {"metadata"})["generation"] = 3;
  const auto status = podStatus(pod, running({"a", "b"}), {}, kNow);
  EXPECT_EQ(kube::integer(status, {"observedGeneration"}), 3);
  EXPECT_EQ(kube::integer(kube::items(status, {"conditions"})[0].as_object(), {"observedGeneration"}), 3);
  const auto older =
      podStatus(pod, running({"a", "b"}), {.host_ip = "", .pod_ip = "", .observe_generation = false}, kNow);
  EXPECT_FALSE(older.contains("observedGeneration"));
}

TEST(PodStatus, AResizeInPlaceIsRefusedWithAReason) {
  kube::Object pod = somePod();
  const auto resources = [&]() -> kube::json::value& {
    return pod["spec"].as_object()["containers"].as_array()[0].as_object()["resources"];
  };
  resources() = {{"requests", {{"cpu", "1"}}}};
  pod["status"] = podStatus(pod, running({"a", "b"}), {}, kNow);
  const kube::Object status = pod["status"].as_object();
  EXPECT_EQ(kube::text(kube::items(status, {"containerStatuses"})[0].as_object(), {"resources", "requests", "cpu"}),
            "1");
  EXPECT_EQ(condition(status, "PodResizePending"), "none");
  resources() = {{"requests", {{"cpu", "2"}}}};
  const auto resized = podStatus(pod, running({"a", "b"}), {}, kNow);
  EXPECT_EQ(condition(resized, "PodResizePending", "reason"), "Infeasible");
  EXPECT_EQ(kube::text(kube::items(resized, {"containerStatuses"})[0].as_object(), {"resources", "requests", "cpu"}),
            "1");
  pod["status"] = resized;
  resources() = {{"requests", {{"cpu", "1"}}}};
  EXPECT_EQ(condition(podStatus(pod, running({"a", "b"}), {}, kNow), "PodResizePending"), "none");
}

TEST(PodStatus, TransitionTimeMovesOnlyWithTheStatus) {
  kube::Object pod = somePod();
  pod["status"] = podStatus(pod, running({"a", "b"}), {}, kNow);
  PodReport report = running({"a", "b"});
  report.mutable_containers(1)->set_ready(false);
  const auto later = podStatus(pod, report, {}, kNow + std::chrono::seconds(5));
  EXPECT_EQ(condition(later, "Ready"), "False");
  EXPECT_EQ(condition(later, "Ready", "lastTransitionTime"), "2023-11-14T22:15:05Z");
  EXPECT_EQ(condition(later, "Ready", "message"), "containers with unready status: [b]");
  EXPECT_EQ(condition(later, "Initialized", "lastTransitionTime"), "2023-11-14T22:15:00Z");
}

TEST(PodStatus, PendingWhileQueuedAndWhileInitRuns) {
  PodReport queued;
  queued.set_stage(PodReport::QUEUED);
  queued.set_message("Slurm: Resources");
  const auto status = podStatus(somePod(), queued, {}, kNow);
  EXPECT_EQ(kube::text(status, {"phase"}), "Pending");
  const auto& first = kube::items(status, {"containerStatuses"})[0].as_object();
  EXPECT_EQ(kube::text(first, {"state", "waiting", "reason"}), "InSlurmQueue");
  EXPECT_EQ(kube::text(first, {"state", "waiting", "message"}), "Slurm: Resources");

  const auto with_init = podStatus(somePod(R"({"name":"setup"})"), queued, {}, kNow);
  EXPECT_EQ(
      kube::text(kube::items(with_init, {"initContainerStatuses"})[0].as_object(), {"state", "waiting", "reason"}),
      "PodInitializing");
  EXPECT_EQ(kube::text(kube::items(with_init, {"containerStatuses"})[0].as_object(), {"state", "waiting", "reason"}),
            "PodInitializing");

  PodReport init;
  init.set_stage(PodReport::RUNNING);
  auto* container = init.add_containers();
  container->set_name("setup");
  container->set_kind(ContainerReport::INIT);
  container->mutable_running();
  const auto while_init = podStatus(somePod(R"({"name":"setup"})"), init, {}, kNow);
  EXPECT_EQ(kube::text(while_init, {"phase"}), "Pending");
  EXPECT_EQ(condition(while_init, "Initialized", "message"), "containers with incomplete status: [setup]");
  EXPECT_EQ(kube::text(kube::items(while_init, {"containerStatuses"})[0].as_object(), {"state", "waiting", "reason"}),
            "PodInitializing");
}

TEST(PodStatus, CrashLoopKeepsThePodRunning) {
  PodReport report = running({"a", "b"});
  auto* container = report.mutable_containers(0);
  container->mutable_waiting()->set_reason("CrashLoopBackOff");
  container->mutable_last_terminated()->set_exit_code(1);
  container->set_restart_count(3);
  container->set_ready(false);
  const auto status = podStatus(somePod(), report, {}, kNow);
  EXPECT_EQ(kube::text(status, {"phase"}), "Running");
  const auto& first = kube::items(status, {"containerStatuses"})[0].as_object();
  EXPECT_EQ(kube::integer(first, {"lastState", "terminated", "exitCode"}), 1);
  EXPECT_EQ(kube::integer(first, {"restartCount"}), 3);
}

TEST(PodStatus, EndOfTheJobEndsContainersAndIsFinal) {
  PodReport report = running({"a", "b"});
  report.set_stage(PodReport::FAILED);
  report.set_reason("NodeFail");
  report.set_message("Slurm: NODE_FAIL");
  kube::Object pod = somePod();
  const auto status = podStatus(pod, report, {}, kNow);
  EXPECT_EQ(kube::text(status, {"phase"}), "Failed");
  EXPECT_EQ(kube::text(status, {"reason"}), "NodeFail");
  const auto& first = kube::items(status, {"containerStatuses"})[0].as_object();
  EXPECT_EQ(kube::text(first, {"state", "terminated", "reason"}), "NodeFail");
  EXPECT_EQ(kube::integer(first, {"state", "terminated", "exitCode"}), 137);
  EXPECT_EQ(condition(status, "Ready", "reason"), "PodFailed");
  pod["status"] = status;
  EXPECT_EQ(podStatus(pod, running({"a", "b"}), {}, kNow), status);
}

TEST(PodStatus, UnknownConcludesNothing) {
  kube::Object pod = somePod();
  pod["status"] = podStatus(pod, running({"a", "b"}), {}, kNow);
  EXPECT_EQ(podStatus(pod, PodReport(), {}, kNow), pod["status"].as_object());
}

TEST(PodStatus, ReadinessGatesHoldReady) {
  kube::Object pod = somePod();
  pod["spec"].as_object()["readinessGates"] = kube::json::array{kube::Object{{"conditionType", "x/y"}}};
  const auto status = podStatus(pod, running({"a", "b"}), {}, kNow);
  EXPECT_EQ(condition(status, "ContainersReady"), "True");
  EXPECT_EQ(condition(status, "Ready", "reason"), "ReadinessGatesNotReady");
}

TEST(QosClass, FollowsRequestsAndLimits) {
  const auto of = [](std::string_view resources) {
    return qosClass(
        kube::json::parse(fmt::format(R"({{"spec":{{"containers":[{{"resources":{}}}]}}}})", resources)).as_object());
  };
  EXPECT_EQ(of("{}"), "BestEffort");
  EXPECT_EQ(of(R"({"requests":{"cpu":"1"}})"), "Burstable");
  EXPECT_EQ(of(R"({"limits":{"cpu":"1","memory":"1Gi"}})"), "Guaranteed");
  EXPECT_EQ(of(R"({"limits":{"cpu":"1","memory":"1Gi"},"requests":{"cpu":"1000m"}})"), "Guaranteed");
  EXPECT_EQ(of(R"({"limits":{"cpu":"1"}})"), "Burstable");
}

}  // namespace
}  // namespace slipway::pod
