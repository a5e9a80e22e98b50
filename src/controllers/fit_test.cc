#include "controllers/fit.h"

#include <gtest/gtest.h>

namespace slipway::controllers {
namespace {

kube::Object parse(std::string_view text) {
  return boost::json::parse(text).as_object();
}

kube::ObjectPtr node(std::string_view spec = "{}", std::string_view ready = "True") {
  kube::Object object = parse(R"({"metadata":{"name":"n1","labels":{"disk":"ssd","rank":"7"}},
    "status":{"allocatable":{"cpu":"4","memory":"8Gi","pods":"10"}}})");
  object["spec"] = parse(spec);
  object["status"].as_object()["conditions"] = {{{"type", "Ready"}, {"status", ready}}};
  return std::make_shared<kube::Object>(std::move(object));
}

NodeInfo infoOf(const kube::ObjectPtr& object) {
  return {object, Amounts::of(kube::child(*object, {"status", "allocatable"})), {}};
}

std::string why(std::string_view pod_spec, const kube::ObjectPtr& on = node()) {
  const kube::Object pod{{"spec", parse(pod_spec)}};
  return whyNot(pod, Amounts::ofPod(pod), infoOf(on)).value_or("fits");
}

TEST(WhyNot, ResourcesMustFit) {
  EXPECT_EQ(why(R"({"containers":[{"resources":{"requests":{"cpu":"4","memory":"8Gi"}}}]})"), "fits");
  EXPECT_EQ(why(R"({"containers":[{"resources":{"requests":{"cpu":"4001m"}}}]})"), "Insufficient cpu");
  EXPECT_EQ(why(R"({"containers":[{"resources":{"requests":{"nvidia.com/gpu":"1"}}}]})"),
            "Insufficient nvidia.com/gpu");
}

TEST(WhyNot, TheLargestInitContainerCounts) {
  EXPECT_EQ(why(R"({"initContainers":[{"resources":{"requests":{"cpu":"5"}}}],
                    "containers":[{"resources":{"requests":{"cpu":"1"}}}]})"),
            "Insufficient cpu");
  EXPECT_EQ(why(R"({"initContainers":[{"restartPolicy":"Always","resources":{"requests":{"cpu":"2"}}},
                                      {"resources":{"requests":{"cpu":"3"}}}],
                    "containers":[{"resources":{"requests":{"cpu":"1"}}}]})"),
            "Insufficient cpu");
}

TEST(WhyNot, TaintsNeedATolerationOfTheirEffectAndValue) {
  const auto tainted = node(R"({"taints":[{"key":"slipway.dev/slurm","effect":"NoSchedule"}]})");
  EXPECT_EQ(why("{}", tainted), "node(s) had untolerated taint {slipway.dev/slurm: }");
  EXPECT_EQ(why(R"({"tolerations":[{"key":"slipway.dev/slurm","operator":"Exists"}]})", tainted), "fits");
  EXPECT_EQ(why(R"({"tolerations":[{"operator":"Exists"}]})", tainted), "fits");
  EXPECT_NE(why(R"({"tolerations":[{"operator":"Exists","effect":"NoExecute"}]})", tainted), "fits");
  EXPECT_NE(why(R"({"tolerations":[{"key":"slipway.dev/slurm","value":"x"}]})", tainted), "fits");
}

TEST(WhyNot, CordonedAndUnreadyNodesTakeNothingNew) {
  EXPECT_EQ(why("{}", node(R"({"unschedulable":true})")), "node(s) were unschedulable");
  EXPECT_EQ(why("{}", node("{}", "Unknown")), "node(s) had untolerated taint {node.kubernetes.io/unreachable: }");
}

TEST(WhyNot, SelectorsAndAffinity) {
  const std::string mismatch = "node(s) didn't match Pod's node affinity/selector";
  EXPECT_EQ(why(R"({"nodeSelector":{"disk":"ssd"}})"), "fits");
  EXPECT_EQ(why(R"({"nodeSelector":{"disk":"tape"}})"), mismatch);
  const auto affinity = [](std::string_view term) {
    return fmt::format(R"({{"affinity":{{"nodeAffinity":{{"requiredDuringSchedulingIgnoredDuringExecution":
      {{"nodeSelectorTerms":[{}]}}}}}}}})",
                       term);
  };
  EXPECT_EQ(why(affinity(R"({"matchExpressions":[{"key":"rank","operator":"Gt","values":["5"]}]})")), "fits");
  EXPECT_EQ(why(affinity(R"({"matchExpressions":[{"key":"rank","operator":"Lt","values":["5"]}]})")), mismatch);
  EXPECT_EQ(why(affinity(R"({"matchExpressions":[{"key":"none","operator":"Exists"}]})")), mismatch);
  EXPECT_EQ(why(affinity(R"({"matchExpressions":[{"key":"disk","operator":"NotIn","values":["ssd"]}]})")), mismatch);
  EXPECT_EQ(why(affinity(R"({"matchFields":[{"key":"metadata.name","operator":"In","values":["n1"]}]})")), "fits");
  EXPECT_EQ(why(affinity("{}")), mismatch);
}

TEST(NodeTable, CountsAPodOnceHoweverOftenItIsSeen) {
  NodeTable table;
  table.setNode(node());
  const kube::Object pod = parse(R"({"metadata":{"name":"p","namespace":"d","uid":"u"},
    "spec":{"containers":[{"resources":{"requests":{"cpu":"2"}}}]}})");
  kube::Object bound = pod;
  bound["spec"].as_object()["nodeName"] = "n1";
  table.assume(pod, "n1");
  table.setPod(pod);  // an older copy
  table.setPod(bound);
  table.setPod(bound);
  EXPECT_EQ(table.nodes().at("n1").requested.get("cpu"), 2000);
  bound["status"] = {{"phase", "Succeeded"}};
  table.setPod(bound);
  EXPECT_EQ(table.nodes().at("n1").requested.get("cpu"), 0);
}

TEST(NodeTable, ANodeThatComesLateKnowsItsPods) {
  NodeTable table;
  table.setPod(parse(R"({"metadata":{"uid":"u"},"spec":{"nodeName":"n1",
    "containers":[{"resources":{"requests":{"cpu":"1"}}}]}})"));
  table.setNode(node());
  EXPECT_EQ(table.nodes().at("n1").requested.get("cpu"), 1000);
}

}  // namespace
}  // namespace slipway::controllers
