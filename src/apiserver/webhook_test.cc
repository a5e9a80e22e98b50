// Admission webhooks, asked by URL as real ones are: over TLS, believed by their CA bundle.
#include <gmock/gmock.h>

#include "apiserver/testing/server_test.h"
#include "apiserver/testing/webhook_configuration.h"

namespace slipway::apiserver {
namespace {

using testing::addMutating;
using testing::addValidating;
using testing::configuration;
using ::testing::ElementsAre;
using testing::expecting;
using ::testing::HasSubstr;
using testing::kValidating;
using testing::WebhookServer;
using Webhooks = testing::ServerTest;

constexpr const char* kConfigMapPath = "/api/v1/namespaces/default/configmaps";
/// A webhook that wants to see ConfigMaps.
json::object mapHook(const WebhookServer& server, std::string_view name) {
  return testing::hookFor(server, name, testing::ruleFor({"CREATE", "UPDATE", "DELETE"}, "", {"configmaps"}));
}

json::value map(std::string_view name, json::object labels = {}) {
  return {{"metadata", {{"name", name}, {"labels", std::move(labels)}}}, {"data", {{"k", "v"}}}};
}

TEST_F(Webhooks, ARefusalCarriesTheWebhooksWordsCodeAndWarnings) {
  with([](ApiServer&, testing::ApiClient& client) -> Task<void> {
    WebhookServer hook(co_await async::thisExecutor(), [](const json::object& request) {
      EXPECT_EQ(json::text(request, {"operation"}), "CREATE");
      EXPECT_EQ(json::text(request, {"kind", "kind"}), "ConfigMap");
      EXPECT_EQ(json::text(request, {"object", "metadata", "name"}), "a");
      EXPECT_EQ(json::text(request, {"userInfo", "username"}), "kubernetes-admin");
      return json::object{{"allowed", false}, {"status", json::object{{"code", 418}, {"message", "no tea"}}}};
    });
    const json::value made = configuration("deny", json::array{mapHook(hook, "deny.ex.io")});
    co_await addValidating(&client, made);
    const auto answer = co_await expecting(&client, 418, "POST", kConfigMapPath, map("a"));
    EXPECT_EQ(json::text(answer.body, {"message"}), "admission webhook \"deny.ex.io\" denied the request: no tea");
    co_await hook.stop();
  });
}

TEST_F(Webhooks, AMutatingOneChangesTheObjectAndEarlierOnesMaySeeIt) {
  with([](ApiServer&, testing::ApiClient& client) -> Task<void> {
    std::vector<std::string> seen;
    const auto patching = [&seen](std::string name) {
      return [&seen, name](const json::object& request) {
        seen.push_back(name);
        const bool is_there = json::find(request, {"object", "data", name}) != nullptr;
        const json::object step{{"op", "add"}, {"path", "/data/" + name}, {"value", "yes"}};
        json::object answer = is_there ? json::object{{"allowed", true}} : testing::changing({step});
        answer["warnings"] = json::array{"from " + name};
        return answer;
      };
    };
    const Executor executor = co_await async::thisExecutor();
    WebhookServer first(executor, patching("one"));
    WebhookServer second(executor, patching("two"));
    json::object early = mapHook(first, "one.ex.io");
    early["reinvocationPolicy"] = "IfNeeded";
    const json::value made = configuration("m", json::array{early, mapHook(second, "two.ex.io")});
    co_await addMutating(&client, made);
    const auto answer = co_await expecting(&client, 201, "POST", kConfigMapPath, map("a"));
    EXPECT_EQ(json::text(answer.body, {"data", "one"}), "yes");
    EXPECT_EQ(json::text(answer.body, {"data", "two"}), "yes");
    EXPECT_THAT(seen, ElementsAre("one", "two", "one"));
    EXPECT_EQ(answer.warnings.size(), 2U) << "the same words are said once";
    co_await first.stop();
    co_await second.stop();
  });
}

TEST_F(Webhooks, SelectorsChooseWhatIsShown) {
  with([](ApiServer&, testing::ApiClient& client) -> Task<void> {
    WebhookServer hook(co_await async::thisExecutor(),
                       [](const json::object&) { return json::object{{"allowed", false}}; });
    json::object by_object = mapHook(hook, "o.ex.io");
    by_object["objectSelector"] = json::object{{"matchLabels", json::object{{"guard", "yes"}}}};
    const json::value made = configuration("sel", json::array{by_object});
    co_await addValidating(&client, made);
    co_await expecting(&client, 201, "POST", kConfigMapPath, map("free"));
    const auto refused = co_await expecting(&client, 400, "POST", kConfigMapPath, map("held", {{"guard", "yes"}}));
    EXPECT_THAT(refused.text, HasSubstr("denied the request without explanation"));
    json::value in_namespace = made;
    co_await hook.stop();
  });
}

TEST_F(Webhooks, OneThatDoesNotAnswerRefusesUnlessItMayBeIgnored) {
  with([](ApiServer&, testing::ApiClient& client) -> Task<void> {
    WebhookServer hook(co_await async::thisExecutor(), [](const json::object&) { return json::object(); });
    const json::object strict = mapHook(hook, "gone.ex.io");
    co_await hook.stop();
    const std::string path = kValidating;
    const auto made = co_await expecting(&client, 201, "POST", path, configuration("gone", json::array{strict}));
    const auto refused = co_await expecting(&client, 500, "POST", kConfigMapPath, map("a"));
    EXPECT_THAT(json::text(refused.body, {"message"}),
                HasSubstr("failed calling webhook \"gone.ex.io\": failed to call webhook: Post \"https://127.0.0.1:"));
    json::value lenient = made.body;
    lenient.as_object()["webhooks"].as_array()[0].as_object()["failurePolicy"] = "Ignore";
    co_await expecting(&client, 200, "PUT", path + "/gone", lenient);
    co_await expecting(&client, 201, "POST", kConfigMapPath, map("a"));
  });
}

TEST_F(Webhooks, MatchConditionsAreRefusedByField) {
  with([](ApiServer&, testing::ApiClient& client) -> Task<void> {
    WebhookServer hook(co_await async::thisExecutor(), [](const json::object&) { return json::object(); });
    json::object conditional = mapHook(hook, "c.ex.io");
    conditional["matchConditions"] = json::array{json::object{{"name", "n"}, {"expression", "true"}}};
    const auto refused =
        co_await expecting(&client, 422, "POST", kValidating, configuration("c", json::array{conditional}));
    EXPECT_THAT(refused.text, HasSubstr("webhooks[0].matchConditions"));
    EXPECT_THAT(refused.text, HasSubstr("not supported by this server yet"));
    co_await hook.stop();
  });
}

}  // namespace
}  // namespace slipway::apiserver
