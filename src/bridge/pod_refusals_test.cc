#include "bridge/names.h"
#include "bridge/testing/harness.h"

namespace slipway::bridge {
namespace {

using kube::Object;
using site::v1::PodReport;
using testing::Harness;
using namespace std::chrono_literals;

void onOneNode(std::function<Task<void>(Harness&)> script) {
  Harness h;
  h.site.setNode(Harness::slurmNode("n1"));
  h.run(std::move(script));
}

/// A pod that nobody can start without root.
Object createPrivileged(Harness& h, const std::string& name, std::string_view policy) {
  kube::json::array owners;
  if (policy == "Always")
    owners.push_back(Object{{"kind", "ReplicaSet"}, {"name", "r"}, {"uid", "r1"}, {"controller", true}});
  return h.client.put(
      kube::kPods,
      Object{{"metadata", {{"name", name}, {"namespace", "default"}, {"ownerReferences", owners}}},
             {"spec",
              {{"nodeName", "n1"},
               {"restartPolicy", policy},
               {"containers",
                kube::json::array{
                    Object{{"name", "c"}, {"image", "busybox"}, {"securityContext", Object{{"privileged", true}}}}}}}},
             {"status", {{"phase", "Pending"}}}});
}

std::string waitingReason(const Harness& h, const std::string& name) {
  const std::optional<Object> pod = h.pod(name);
  if (!pod) return "gone";
  const kube::json::array& statuses = kube::items(*pod, {"status", "containerStatuses"});
  return statuses.empty() ? "" : std::string(kube::text(kube::objectOf(statuses[0]), {"state", "waiting", "reason"}));
}

std::string conditionOf(const Harness& h, const std::string& name, std::string_view type) {
  const std::optional<Object> pod = h.pod(name);
  if (!pod) return "gone";
  for (const auto& item : kube::items(*pod, {"status", "conditions"})) {
    if (kube::text(kube::objectOf(item), {"type"}) == type) {
      return std::string(kube::text(kube::objectOf(item), {"status"}));
    }
  }
  return {};
}

Task<void> waitsInOnePod(Harness& h) {
  co_await h.until("node", [&] { return h.node("n1").has_value(); });
  Object pod = createPrivileged(h, "p", "Always");
  co_await h.until("waiting", [&] { return waitingReason(h, "p") == "InvalidPod"; });
  co_await async::sleepFor(60ms);
  EXPECT_EQ(h.phase("p"), "Pending");
  EXPECT_EQ(conditionOf(h, "p", "Ready"), "False");
  EXPECT_EQ(conditionOf(h, "p", "ContainersReady"), "False");
  EXPECT_EQ(kube::text(*h.pod("p"), {"status", "reason"}), "InvalidPod");
  EXPECT_EQ(h.eventsWith("InvalidPod"), 1U) << "told once, however often it is tried";
  EXPECT_EQ(h.site.submits.size(), 0U);
  pod = *h.pod("p");
  kube::ensure(pod, {"spec"})["containers"].as_array()[0].as_object().erase("securityContext");
  h.client.put(kube::kPods, pod);
  co_await h.until("submitted once it can be", [&] { return h.site.accepted.size() == 1; });
}
TEST(PodRefusals, WhatAControllerWouldReplaceWaitsInOnePod) {
  onOneNode(waitsInOnePod);
}

Task<void> failsAtOnce(Harness& h) {
  co_await h.until("node", [&] { return h.node("n1").has_value(); });
  createPrivileged(h, "never", "Never");
  createPrivileged(h, "onfailure", "OnFailure");
  co_await h.until("failed", [&] { return h.phase("never") == "Failed" && h.phase("onfailure") == "Failed"; });
  EXPECT_EQ(kube::text(*h.pod("never"), {"status", "reason"}), "InvalidPod");
}
TEST(PodRefusals, WhatIsToRunOnceFails) {
  onOneNode(failsAtOnce);
}

void createOwned(Harness& h, const std::string& name) {
  Object pod = h.createPod(name, "n1");
  kube::ensure(pod, {"spec"})["restartPolicy"] = "Always";
  kube::ensure(pod, {"metadata"})["ownerReferences"] = kube::json::array{
      Object{{"apiVersion", "apps/v1"}, {"kind", "ReplicaSet"}, {"name", "r"}, {"uid", "r1"}, {"controller", true}}};
  h.client.put(kube::kPods, pod);
}

PodReport unmounted(const Harness& h, const std::string& name) {
  PodReport report = h.site.reportOf(std::string(kube::uid(*h.pod(name))), PodReport::FAILED);
  report.set_reason("FailedMount");
  report.set_message("volume v: no such directory");
  return report;
}

Task<void> failsSlowly(Harness& h) {
  co_await h.until("node", [&] { return h.node("n1").has_value(); });
  createOwned(h, "first");
  createOwned(h, "second");
  co_await h.until("submits", [&] { return h.site.accepted.size() == 2; });
  h.site.report(unmounted(h, "first"));
  co_await h.until("the first fails at once", [&] { return h.phase("first") == "Failed"; });
  h.site.report(unmounted(h, "second"));
  co_await h.until("said", [&] { return kube::text(*h.pod("second"), {"status", "reason"}) == "FailedMount"; });
  EXPECT_EQ(h.phase("second"), "Pending");
  co_await h.deletePod("second", std::nullopt);
  co_await h.until("a deletion does not wait", [&] { return h.phase("second") == "gone"; });
}
TEST(PodRefusals, PodsOfOneControllerThatNeverBeginFailSlowerAndSlower) {
  Harness h;
  h.options.pods.refused = {.initial = 1h, .max = 2h};
  h.site.setNode(Harness::slurmNode("n1"));
  h.run(failsSlowly);
}

Task<void> failsInTheEnd(Harness& h) {
  co_await h.until("node", [&] { return h.node("n1").has_value(); });
  createOwned(h, "first");
  createOwned(h, "second");
  co_await h.until("submits", [&] { return h.site.accepted.size() == 2; });
  h.site.report(unmounted(h, "first"));
  h.site.report(unmounted(h, "second"));
  co_await h.until("both fail", [&] { return h.phase("first") == "Failed" && h.phase("second") == "Failed"; });
}
TEST(PodRefusals, HeldBackFailuresAreWrittenInTheEnd) {
  onOneNode(failsInTheEnd);
}

}  // namespace
}  // namespace slipway::bridge
