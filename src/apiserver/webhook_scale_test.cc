// A webhook for <workload>/scale is asked about the Scale, not about the workload behind it.
#include <gmock/gmock.h>

#include "apiserver/testing/server_test.h"
#include "apiserver/testing/webhook_configuration.h"

namespace slipway::apiserver {
namespace {

using testing::addMutating;
using testing::addValidating;
using testing::changing;
using testing::configuration;
using ::testing::ElementsAre;
using testing::expecting;
using testing::hookFor;
using testing::ruleFor;
using testing::WebhookServer;
using ScaleWebhooks = testing::ServerTest;

const std::string kDeployments = "/apis/apps/v1/namespaces/default/deployments";

Task<void> makeDeployment(testing::ApiClient* client) {
  const json::object labels{{"app", "d"}};
  const json::value made = {
      {"metadata", {{"name", "d"}}},
      {"spec",
       {{"replicas", 1},
        {"selector", {{"matchLabels", labels}}},
        {"template",
         {{"metadata", {{"labels", labels}}}, {"spec", {{"containers", {{{"name", "c"}, {"image", "i"}}}}}}}}}}};
  co_await expecting(client, 201, "POST", kDeployments, made);
}

/// What a request shows, in one line.
std::string shown(const json::object& request) {
  const auto replicas = [&](std::string_view which) {
    return json::findInt(request, {which, "spec", "replicas"}).value_or(-1);
  };
  return fmt::format("{} {}/{} {}/{} {} {}: {} {} -> {} {}", json::text(request, {"operation"}),
                     json::text(request, {"kind", "group"}), json::text(request, {"kind", "kind"}),
                     json::text(request, {"resource", "group"}), json::text(request, {"resource", "resource"}),
                     json::text(request, {"subResource"}), json::text(request, {"name"}),
                     json::text(request, {"oldObject", "kind"}), replicas("oldObject"),
                     json::text(request, {"object", "kind"}), replicas("object"));
}

TEST_F(ScaleWebhooks, TheyAreShownTheScaleBeforeAndAfter) {
  with([](ApiServer&, testing::ApiClient& client) -> Task<void> {
    co_await makeDeployment(&client);
    std::vector<std::string> seen;
    WebhookServer hook(co_await async::thisExecutor(), [&seen](const json::object& request) {
      seen.push_back(shown(request));
      return json::object{{"allowed", json::findInt(request, {"object", "spec", "replicas"}).value_or(0) < 5}};
    });
    const json::object rule = ruleFor({"UPDATE"}, "apps", {"deployments/scale"});
    co_await addValidating(&client, configuration("v", json::array{hookFor(hook, "v.ex.io", rule)}));
    const std::string path = kDeployments + "/d/scale";
    const json::value three = {{"metadata", {{"name", "d"}, {"namespace", "default"}}}, {"spec", {{"replicas", 3}}}};
    const auto put = co_await expecting(&client, 200, "PUT", path, three);
    EXPECT_EQ(json::findInt(put.body, {"spec", "replicas"}), 3);
    const json::value nine = {{"spec", {{"replicas", 9}}}};
    const auto refused = co_await client.ask("PATCH", path, nine, "application/merge-patch+json");
    EXPECT_EQ(refused.code, 400) << refused.text;
    EXPECT_THAT(seen, ElementsAre("UPDATE autoscaling/Scale apps/deployments scale d: Scale 1 -> Scale 3",
                                  "UPDATE autoscaling/Scale apps/deployments scale d: Scale 3 -> Scale 9"));
    // A rule for the workload itself is not asked.
    const auto now = co_await client.ask("GET", path);
    EXPECT_EQ(json::findInt(now.body, {"spec", "replicas"}), 3);
    co_await hook.stop();
  });
}

TEST_F(ScaleWebhooks, WhatAMutatingOneChangesIsDoneToTheWorkload) {
  with([](ApiServer&, testing::ApiClient& client) -> Task<void> {
    co_await makeDeployment(&client);
    WebhookServer hook(co_await async::thisExecutor(), [](const json::object&) {
      return changing({json::object{{"op", "replace"}, {"path", "/spec/replicas"}, {"value", 2}}});
    });
    const json::object rule = ruleFor({"UPDATE"}, "apps", {"*/scale"});
    co_await addMutating(&client, configuration("m", json::array{hookFor(hook, "m.ex.io", rule)}));
    const json::value nine = {{"spec", {{"replicas", 9}}}};
    const auto answer = co_await client.ask("PATCH", kDeployments + "/d/scale", nine, "application/merge-patch+json");
    EXPECT_EQ(answer.code, 200) << answer.text;
    EXPECT_EQ(json::findInt(answer.body, {"spec", "replicas"}), 2);
    const auto deployment = co_await client.ask("GET", kDeployments + "/d");
    EXPECT_EQ(json::findInt(deployment.body, {"spec", "replicas"}), 2);
    EXPECT_EQ(json::findInt(deployment.body, {"metadata", "generation"}), 2);
    co_await hook.stop();
  });
}

}  // namespace
}  // namespace slipway::apiserver
