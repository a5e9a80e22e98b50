// What a namespace and a user may use: LimitRanges, ResourceQuotas, requests in flight.
#include <gmock/gmock.h>

#include "apiserver/testing/server_test.h"

namespace slipway::apiserver {
namespace {

using ::testing::HasSubstr;
using Limits = testing::ServerTest;

json::value podWith(std::string_view name, json::object resources) {
  json::object container{{"name", "c"}, {"image", "x"}, {"resources", std::move(resources)}};
  return {{"metadata", {{"name", name}}}, {"spec", {{"containers", json::array{std::move(container)}}}}};
}

constexpr const char* kPods = "/api/v1/namespaces/default/pods";

TEST_F(Limits, ContainersGetTheirDefaultsAndKeepWithinBounds) {
  with([](ApiServer&, testing::ApiClient& client) -> Task<void> {
    co_await client.eventually("/api/v1/namespaces/default/serviceaccounts/default", 200);
    const json::value range = json::parse(R"({"metadata": {"name": "l"}, "spec": {"limits": [{"type": "Container",
      "max": {"cpu": "2"}, "min": {"cpu": "100m"}, "default": {"cpu": "500m"}, "defaultRequest": {"cpu": "200m"},
      "maxLimitRequestRatio": {"cpu": "4"}}, {"type": "Pod", "max": {"memory": "1Gi"}}]}})");
    const auto made = co_await client.ask("POST", "/api/v1/namespaces/default/limitranges", range);
    EXPECT_EQ(made.code, 201) << made.text;
    const auto fine = co_await client.ask("POST", kPods, podWith("a", {{"limits", json::object{{"memory", "1Gi"}}}}));
    EXPECT_EQ(fine.code, 201) << fine.text;
    EXPECT_THAT(fine.text, HasSubstr(R"("cpu":"200m")"));
    EXPECT_THAT(fine.text, HasSubstr("LimitRanger plugin set: cpu request for container c; cpu limit for container c"));
    const json::object much{{"limits", json::object{{"cpu", "3"}, {"memory", "2Gi"}}}};
    const auto refused = co_await client.ask("POST", kPods, podWith("b", much));
    EXPECT_EQ(refused.code, 403);
    EXPECT_EQ(
        json::text(refused.body, {"message"}),
        "pods \"b\" is forbidden: [maximum cpu usage per Container is 2, but limit is 3, maximum memory usage per "
        "Pod is 1Gi, but limit is 2Gi]");
    const json::object little{{"requests", json::object{{"cpu", "50m"}}},
                              {"limits", json::object{{"cpu", "50m"}, {"memory", "1Gi"}}}};
    const auto less = co_await client.ask("POST", kPods, podWith("d", little));
    EXPECT_EQ(json::text(less.body, {"message"}),
              "pods \"d\" is forbidden: minimum cpu usage per Container is 100m, but request is 50m");
    const json::object wide{{"requests", json::object{{"cpu", "100m"}}},
                            {"limits", json::object{{"cpu", "2"}, {"memory", "1Gi"}}}};
    const auto ratio = co_await client.ask("POST", kPods, podWith("c", wide));
    EXPECT_EQ(json::text(ratio.body, {"message"}),
              "pods \"c\" is forbidden: cpu max limit to request ratio per Container is 4, but provided ratio is "
              "20.000000");
  });
}

TEST_F(Limits, AQuotaIsChargedWithinTheWriteAndNeverOverdrawn) {
  with([](ApiServer&, testing::ApiClient& client) -> Task<void> {
    co_await client.eventually("/api/v1/namespaces/default/serviceaccounts/default", 200);
    const std::string quotas = "/api/v1/namespaces/default/resourcequotas";
    const json::value hard = {{"pods", "2"}, {"requests.cpu", "1"}};
    const json::value quota{{"metadata", {{"name", "q"}}}, {"spec", {{"hard", hard}}}};
    auto made = co_await client.ask("POST", quotas, quota);
    EXPECT_EQ(made.code, 201) << made.text;
    const json::object small{{"requests", json::object{{"cpu", "600m"}}}};
    const auto early = co_await client.ask("POST", kPods, podWith("a", small));
    EXPECT_THAT(early.text, HasSubstr("status unknown for quota: q, resources: pods,requests.cpu"));
    made.body["status"] = json::object{{"hard", hard}, {"used", json::object{{"pods", "0"}, {"requests.cpu", "0"}}}};
    const auto counted = co_await client.ask("PUT", quotas + "/q/status", made.body);
    EXPECT_EQ(counted.code, 200) << counted.text;
    const auto silent = co_await client.ask("POST", kPods, podWith("a", {}));
    EXPECT_EQ(json::text(silent.body, {"message"}),
              "pods \"a\" is forbidden: failed quota: q: must specify requests.cpu for: c");
    const auto fine = co_await client.ask("POST", kPods, podWith("a", small));
    EXPECT_EQ(fine.code, 201) << fine.text;
    const auto refused = co_await client.ask("POST", kPods, podWith("b", small));
    EXPECT_EQ(refused.code, 403);
    EXPECT_EQ(json::text(refused.body, {"message"}),
              "pods \"b\" is forbidden: exceeded quota: q, requested: requests.cpu=600m, used: requests.cpu=600m, "
              "limited: requests.cpu=1");
    const auto now = co_await client.ask("GET", quotas + "/q");
    EXPECT_EQ(json::text(now.body, {"status", "used", "requests.cpu"}), "600m");
    EXPECT_EQ(json::text(now.body, {"status", "used", "pods"}), "1");
  });
}

/// Answers a strategic merge patch.
Task<testing::ApiClient::Answer> patchWith(testing::ApiClient* client, std::string path, json::value patch) {
  return client->ask("PATCH", std::move(path), std::move(patch), "application/strategic-merge-patch+json");
}

/// A quota with a status, as if the controller had counted nothing yet.
Task<void> makeQuota(testing::ApiClient* client, json::object hard) {
  const std::string quotas = "/api/v1/namespaces/default/resourcequotas";
  const json::value quota{{"metadata", {{"name", "q"}}}, {"spec", {{"hard", hard}}}};
  auto made = co_await client->ask("POST", quotas, quota);
  EXPECT_EQ(made.code, 201) << made.text;
  json::object used;
  for (const auto& [name, limit] : hard) used[name] = "0";
  made.body["status"] = json::object{{"hard", std::move(hard)}, {"used", std::move(used)}};
  const auto counted = co_await client->ask("PUT", quotas + "/q/status", made.body);
  EXPECT_EQ(counted.code, 200) << counted.text;
}

Task<std::string> usedOf(testing::ApiClient* client, std::string name) {
  const auto now = co_await client->ask("GET", "/api/v1/namespaces/default/resourcequotas/q");
  co_return std::string(json::text(now.body, {"status", "used", name}));
}

TEST_F(Limits, AnUpdateIsChargedByWhatItUsesMore) {
  with([](ApiServer&, testing::ApiClient& client) -> Task<void> {
    co_await client.eventually("/api/v1/namespaces/default/serviceaccounts/default", 200);
    const json::object hard{{"services.nodeports", "1"}, {"services", "5"}, {"requests.cpu", "1"}};
    const json::value labels = {{"metadata", {{"labels", {{"a", "b"}}}}}};
    co_await makeQuota(&client, hard);
    const std::string services = "/api/v1/namespaces/default/services";
    const json::value plain = {{"metadata", {{"name", "s"}}}, {"spec", {{"ports", {{{"port", 80}, {"name", "a"}}}}}}};
    const auto made = co_await client.ask("POST", services, plain);
    EXPECT_EQ(made.code, 201) << made.text;
    const json::value as_node_port = {{"spec", {{"type", "NodePort"}}}};
    const auto first = co_await patchWith(&client, services + "/s", as_node_port);
    EXPECT_EQ(first.code, 200) << first.text;
    const std::string one = co_await usedOf(&client, "services.nodeports");
    EXPECT_EQ(one, "1");
    const json::value two = {{"spec", {{"ports", {{{"port", 80}, {"name", "a"}}, {{"port", 81}, {"name", "b"}}}}}}};
    const auto more = co_await patchWith(&client, services + "/s", two);
    EXPECT_EQ(json::text(more.body, {"message"}),
              "services \"s\" is forbidden: exceeded quota: q, requested: services.nodeports=1, used: "
              "services.nodeports=1, limited: services.nodeports=1");
    const auto label = co_await patchWith(&client, services + "/s", labels);
    EXPECT_EQ(label.code, 200) << label.text;
    const std::string services_used = co_await usedOf(&client, "services");
    EXPECT_EQ(services_used, "1");
  });
}

TEST_F(Limits, AResizedPodIsChargedAndAPlainUpdateIsNot) {
  with([](ApiServer&, testing::ApiClient& client) -> Task<void> {
    co_await client.eventually("/api/v1/namespaces/default/serviceaccounts/default", 200);
    const json::object hard{{"requests.cpu", "1"}};
    const json::value labels = {{"metadata", {{"labels", {{"a", "b"}}}}}};
    co_await makeQuota(&client, hard);
    const json::object small{{"requests", json::object{{"cpu", "600m"}}}};
    const auto made = co_await client.ask("POST", kPods, podWith("a", small));
    EXPECT_EQ(made.code, 201) << made.text;
    const std::string pod = std::string(kPods) + "/a";
    const auto resized = [](std::string cpu) {
      return json::value{{"spec", {{"containers", {{{"name", "c"}, {"resources", {{"requests", {{"cpu", cpu}}}}}}}}}}};
    };
    const json::value too_much = resized("1100m"), enough = resized("900m");
    const auto much = co_await patchWith(&client, pod + "/resize", too_much);
    EXPECT_EQ(json::text(much.body, {"message"}),
              "pods \"a\" is forbidden: exceeded quota: q, requested: requests.cpu=500m, used: requests.cpu=600m, "
              "limited: requests.cpu=1");
    const auto fits = co_await patchWith(&client, pod + "/resize", enough);
    EXPECT_EQ(fits.code, 200) << fits.text;
    const auto label = co_await patchWith(&client, pod, labels);
    EXPECT_EQ(label.code, 200) << label.text;
    const std::string used = co_await usedOf(&client, "requests.cpu");
    EXPECT_EQ(used, "900m");
  });
}

TEST_F(Limits, AUserWithTooManyRequestsIsAskedToComeBack) {
  options_.max_requests_per_user = 0;
  with([this](ApiServer& server, testing::ApiClient& client) -> Task<void> {
    const std::filesystem::path file = directory_.path() / "bob.kubeconfig";
    const Result<std::string> kubeconfig = server.kubeconfigFor("bob", {});
    EXPECT_TRUE(writeFileAtomic(file, *kubeconfig, 0600));
    const Executor executor = co_await async::thisExecutor();
    testing::ApiClient bob(executor, file);
    const auto refused = co_await bob.ask("GET", "/api/v1/namespaces");
    EXPECT_EQ(refused.code, 429);
    EXPECT_THAT(refused.text, HasSubstr(R"("retryAfterSeconds":1)"));
    const auto master = co_await client.ask("GET", "/api/v1/namespaces");
    EXPECT_EQ(master.code, 200);
  });
}

}  // namespace
}  // namespace slipway::apiserver
