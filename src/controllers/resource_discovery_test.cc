#include "controllers/resource_discovery.h"

#include <gtest/gtest.h>

#include "async/loop.h"

namespace slipway::controllers {
namespace {

kube::Object parse(std::string_view text) {
  return kube::json::parse(text).as_object();
}

using Answers = std::map<std::string, std::string>;

Task<Result<kube::Object>> answer(const Answers* answers, std::string path) {
  const auto found = answers->find(path);
  if (found == answers->end()) co_return failure(Code::ServiceUnavailable, "{}: away", path);
  co_return parse(found->second);
}

Result<Discovered> discover(const Answers& answers) {
  const ResourceDiscovery discovery =
      discoverBy([&answers](std::string path, const std::string&) { return answer(&answers, std::move(path)); });
  return async::runToEnd(discovery());
}

constexpr const char* kCore = R"({"kind":"APIGroupDiscoveryList","items":[{"metadata":{},"versions":[{"version":"v1",
  "freshness":"Current","resources":[
    {"resource":"pods","responseKind":{"group":"","version":"v1","kind":"Pod"},"scope":"Namespaced",
     "verbs":["get","list","delete"]},
    {"resource":"bindings","responseKind":{"kind":"Binding"},"scope":"Namespaced","verbs":["create"]}]}]}]})";

TEST(Discovery, ReadsTheAggregatedForm) {
  const Answers answers = {{"/api", kCore}, {"/apis", R"({"kind":"APIGroupDiscoveryList","items":[
      {"metadata":{"name":"autoscaling"},"versions":[
        {"version":"v2","resources":[{"resource":"hpas","responseKind":{"kind":"Hpa"},"scope":"Namespaced","verbs":["get","list"]}]},
        {"version":"v1","resources":[{"resource":"hpas","responseKind":{"kind":"Hpa"},"scope":"Namespaced","verbs":["get","list"]}]}]},
      {"metadata":{"name":"metrics.k8s.io"},"versions":[{"version":"v1beta1","freshness":"Stale"}]}]})"}};
  const Result<Discovered> found = discover(answers);
  ASSERT_TRUE(found);
  ASSERT_EQ(found->gaps.size(), 1U);
  EXPECT_EQ(found->gaps[0].group, "metrics.k8s.io");
  const auto listed = found->preferred({"list"});
  ASSERT_EQ(listed.size(), 2U);
  EXPECT_EQ(listed[0].resource, kube::kPods);
  EXPECT_EQ(listed[1].resource.apiVersion(), "autoscaling/v2");
  ASSERT_NE(found->findKind("autoscaling/v1", "Hpa"), nullptr);
  EXPECT_EQ(found->findKind("v1", "Binding"), nullptr);
}

TEST(Discovery, ReadsTheOlderFormAndNamesWhatIsAway) {
  const Answers answers = {
      {"/api", R"({"kind":"APIVersions","versions":["v1"]})"},
      {"/api/v1", R"({"resources":[{"name":"pods","kind":"Pod","namespaced":true,"verbs":["list","get"]},
                                   {"name":"pods/log","kind":"Pod","namespaced":true,"verbs":["get"]}]})"},
      {"/apis", R"({"kind":"APIGroupList","groups":[{"name":"apps","versions":[{"version":"v1beta1"},{"version":"v1"}],
                    "preferredVersion":{"version":"v1"}}]})"},
      {"/apis/apps/v1",
       R"({"resources":[{"name":"deployments","kind":"Deployment","namespaced":true,"verbs":["list"]}]})"}};
  const Result<Discovered> found = discover(answers);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->resources.size(), 2U);
  EXPECT_EQ(found->preferred({"list"})[1].resource.apiVersion(), "apps/v1");
  ASSERT_EQ(found->gaps.size(), 1U);
  EXPECT_EQ(found->gaps[0].version, "v1beta1");
}

TEST(Discovery, FailsAsAWholeWhenARootIsAway) {
  EXPECT_FALSE(discover({{"/api", kCore}}));
}

}  // namespace
}  // namespace slipway::controllers
