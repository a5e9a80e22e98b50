#include "bridge/host_ports.h"

#include <boost/json/parse.hpp>

#include "bridge/names.h"
#include "bridge/testing/harness.h"

namespace slipway::bridge {
namespace {

using kube::Object;
using testing::Harness;

Object podOnPorts(const std::string& name, std::string_view ports, int created = 0) {
  Object pod =
      boost::json::parse(
          fmt::format(
              R"({{"metadata":{{"namespace":"d","name":"{0}","uid":"{0}","creationTimestamp":"2026-01-01T00:00:0{1}Z"}},
                     "spec":{{"containers":[{{"name":"c","ports":[{2}]}}]}}}})",
              name, created, ports))
          .as_object();
  return pod;
}

std::string conflict(const Object& pod, const Object& other, const std::string& begun = "nobody") {
  const auto is_begun = [&](std::string_view uid) { return uid == begun; };
  const std::vector<kube::ObjectPtr> both = {std::make_shared<const Object>(pod),
                                             std::make_shared<const Object>(other)};
  return portConflict(pod, both, is_begun).value_or("");
}

constexpr std::string_view kEighty = R"({"containerPort":80,"hostPort":80,"protocol":"TCP"})";
constexpr std::string_view kTaken = "host port 80/TCP of the node is taken by pod d/first";

TEST(PortConflict, OnePortOfANodeHasOnePod) {
  const Object first = podOnPorts("first", kEighty);
  EXPECT_EQ(conflict(podOnPorts("second", kEighty, 1), first), kTaken);
  EXPECT_EQ(conflict(first, podOnPorts("second", kEighty, 1)), "") << "it was there first";
  EXPECT_EQ(conflict(podOnPorts("b", R"({"containerPort":80,"protocol":"TCP"})", 1), first), "") << "no hostPort";
  EXPECT_EQ(conflict(podOnPorts("b", R"({"containerPort":80,"hostPort":80,"protocol":"UDP"})", 1), first), "");
  EXPECT_EQ(conflict(podOnPorts("b", R"({"containerPort":81,"hostPort":81,"protocol":"TCP"})", 1), first), "");
}

TEST(PortConflict, TwoAddressesDoNotClashAndAllAddressesDo) {
  const auto at = [](const std::string& name, std::string_view address, int created) {
    return podOnPorts(name, fmt::format(R"({{"hostPort":80,"protocol":"TCP","hostIP":"{}"}})", address), created);
  };
  EXPECT_EQ(conflict(at("b", "10.0.0.2", 1), at("first", "10.0.0.1", 0)), "");
  EXPECT_EQ(conflict(at("b", "10.0.0.1", 1), at("first", "10.0.0.1", 0)), kTaken);
  EXPECT_EQ(conflict(at("b", "10.0.0.1", 1), at("first", "0.0.0.0", 0)), kTaken);
}

TEST(PortConflict, WhoWasSubmittedIsFirstWhateverItsAge) {
  Object first = podOnPorts("first", kEighty, 5);
  kube::ensure(first, {"metadata", "annotations"})[annotation::kJobId] = "7";
  EXPECT_EQ(conflict(podOnPorts("older", kEighty), first), kTaken);
  EXPECT_EQ(conflict(first, podOnPorts("older", kEighty)), "");
  const Object begun = podOnPorts("first", kEighty, 5);
  EXPECT_EQ(conflict(podOnPorts("older", kEighty), begun, "first"), kTaken) << "its annotation is not there yet";
}

TEST(PortConflict, AnEndedPodAndAnInitContainerThatEndsHoldNothing) {
  Object first = podOnPorts("first", kEighty);
  first["status"] = Object{{"phase", "Failed"}};
  EXPECT_EQ(conflict(podOnPorts("b", kEighty, 1), first), "");
  Object init = podOnPorts("first", "");
  kube::ensure(init, {"spec"})["initContainers"] =
      boost::json::parse(R"([{"name":"i","ports":[{"hostPort":80,"protocol":"TCP"}]}])");
  EXPECT_EQ(conflict(podOnPorts("b", kEighty, 1), init), "");
  kube::ensure(init, {"spec"})["initContainers"].as_array()[0].as_object()["restartPolicy"] = "Always";
  EXPECT_EQ(conflict(podOnPorts("b", kEighty, 1), init), kTaken);
}

Task<void> secondFails(Harness& h) {
  co_await h.until("node", [&] { return h.node("n1").has_value(); });
  const auto create = [&h](const std::string& name) {
    Object pod = podOnPorts(name, kEighty);
    kube::ensure(pod, {"metadata"})["namespace"] = "default";
    kube::ensure(pod, {"metadata"}).erase("uid");
    kube::ensure(pod, {"spec"})["nodeName"] = "n1";
    kube::ensure(pod, {"spec"})["restartPolicy"] = "Never";
    kube::ensure(pod, {"spec"})["containers"].as_array()[0].as_object()["image"] = "busybox";
    pod["status"] = Object{{"phase", "Pending"}};
    h.client.put(kube::kPods, pod);
  };
  create("first");
  co_await h.until("submit", [&] { return h.site.accepted.size() == 1; });
  create("second");
  co_await h.until("failed", [&] { return h.phase("second") == "Failed"; });
  EXPECT_EQ(kube::text(*h.pod("second"), {"status", "reason"}), "NodePorts");
  EXPECT_EQ(h.site.accepted.size(), 1U);
}
TEST(PodRunner, APodWhoseHostPortIsTakenFailsAsAKubeletFailsIt) {
  Harness h;
  h.site.setNode(Harness::slurmNode("n1"));
  h.run(secondFails);
}

}  // namespace
}  // namespace slipway::bridge
