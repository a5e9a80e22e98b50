#include "controllers/cluster_role_aggregation.h"

#include "controllers/testing/world.h"

namespace slipway::controllers {
namespace {

using testing::World;

const kube::Resource kTestRoles{"rbac.authorization.k8s.io", "v1", "clusterroles", "ClusterRole", false};

std::string rulesOf(const World& world, const std::string& name) {
  const auto role = world.client.object(kTestRoles, "", name);
  if (!role) return "none";
  const auto* rules = role->if_contains("rules");
  return rules == nullptr ? "null" : kube::json::serialize(*rules);
}

Task<void> collects(World* world, std::string wanted) {
  const Executor executor = co_await async::thisExecutor();
  ClusterRoleAggregation aggregation(executor, world->client, world->informers, world->random);
  async::TaskGroup group(executor);
  group.spawn("aggregation", aggregation.run());
  co_await testing::until([&] { return rulesOf(*world, "view") == wanted; }, "the collected rules");
  co_await group.stop();
}

TEST(ClusterRoleAggregation, ARoleHoldsWhatItsSelectorsChooseAndFollowsIt) {
  World world;
  world.put(kTestRoles, R"({"metadata":{"name":"view"},"aggregationRule":{"clusterRoleSelectors":
    [{"matchLabels":{"to-view":"true"}}]},"rules":[{"verbs":["old"]}]})");
  world.put(kTestRoles,
            R"({"metadata":{"name":"b","labels":{"to-view":"true"}},"rules":[{"verbs":["get"]},{"verbs":["x"]}]})");
  world.put(kTestRoles,
            R"({"metadata":{"name":"a","labels":{"to-view":"true"}},"rules":[{"verbs":["list"]},{"verbs":["x"]}]})");
  world.put(kTestRoles, R"({"metadata":{"name":"other"},"rules":[{"verbs":["delete"]}]})");
  (void)world.informers.of(kTestRoles);
  const std::string wanted = R"([{"verbs":["list"]},{"verbs":["x"]},{"verbs":["get"]}])";
  world.run({}, collects(&world, wanted));
  EXPECT_EQ(rulesOf(world, "view"), wanted);
  EXPECT_EQ(rulesOf(world, "other"), R"([{"verbs":["delete"]}])");
}

}  // namespace
}  // namespace slipway::controllers
