// Each option of an admission webhook, and what is shown of requests that store nothing.
#include <gmock/gmock.h>

#include "apiserver/testing/server_test.h"
#include "apiserver/testing/webhook_configuration.h"
#include "net/tcp.h"

namespace slipway::apiserver {
namespace {

using testing::addMutating;
using testing::addValidating;
using ::testing::ElementsAre;
using testing::expecting;
using ::testing::HasSubstr;
using testing::kValidating;
using testing::ruleFor;
using testing::WebhookServer;
using WebhookOptions = testing::ServerTest;

const std::string kMapsPath = "/api/v1/namespaces/default/configmaps";

json::object refusing() {
  return {{"allowed", false}, {"status", json::object{{"message", "no"}}}};
}

json::value hooked(const WebhookServer& server, json::object rule, json::object more = {}) {
  return testing::configuration("c", {testing::hookFor(server, "h.ex.io", std::move(rule), std::move(more))});
}

json::value mapNamed(std::string_view name) {
  return {{"metadata", {{"name", name}}}};
}

TEST_F(WebhookOptions, ASlowOneIsLeftAfterItsTimeout) {
  with([](ApiServer&, testing::ApiClient& client) -> Task<void> {
    // A listener that accepts and says nothing: not even the handshake comes to an end.
    auto silent = net::listenTcp(co_await async::thisExecutor(), "127.0.0.1", 0);
    WebhookServer hook(co_await async::thisExecutor(), [](const json::object&) { return json::object(); });
    const json::object client_config{{"url", fmt::format("https://127.0.0.1:{}/x", (*silent)->port())},
                                     {"caBundle", hook.bundle()}};
    const json::object rule = ruleFor({"CREATE"}, "", {"configmaps"});
    const json::object more{{"clientConfig", client_config}, {"timeoutSeconds", 1}};
    co_await addValidating(&client, hooked(hook, rule, more));
    const SteadyTime begin = std::chrono::steady_clock::now();
    const auto refused = co_await expecting(&client, 500, "POST", kMapsPath, mapNamed("a"));
    EXPECT_THAT(refused.text, HasSubstr("?timeout=1s"));
    EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(20));
    co_await hook.stop();
  });
}

TEST_F(WebhookOptions, NamespaceSelectorLooksAtTheNamespacesLabels) {
  with([](ApiServer&, testing::ApiClient& client) -> Task<void> {
    WebhookServer hook(co_await async::thisExecutor(), [](const json::object&) { return refusing(); });
    const json::value held = {{"metadata", {{"name", "held"}, {"labels", {{"guard", "yes"}}}}}};
    co_await expecting(&client, 201, "POST", "/api/v1/namespaces", held);
    const json::object rule = ruleFor({"CREATE"}, "", {"configmaps"});
    const json::object selector{{"matchLabels", json::object{{"guard", "yes"}}}};
    const json::object more{{"namespaceSelector", selector}};
    co_await addValidating(&client, hooked(hook, rule, more));
    co_await expecting(&client, 201, "POST", kMapsPath, mapNamed("a"));
    co_await expecting(&client, 400, "POST", "/api/v1/namespaces/held/configmaps", mapNamed("a"));
    co_await hook.stop();
  });
}

TEST_F(WebhookOptions, MatchPolicyEquivalentShowsTheVersionThatTheRuleNames) {
  with([](ApiServer&, testing::ApiClient& client) -> Task<void> {
    std::vector<std::string> seen;
    WebhookServer hook(co_await async::thisExecutor(), [&seen](const json::object& request) {
      seen.push_back(fmt::format("{} {} {}", json::text(request, {"kind", "version"}),
                                 json::text(request, {"requestKind", "version"}),
                                 json::text(request, {"object", "apiVersion"})));
      return refusing();
    });
    const json::object rule = ruleFor({"CREATE"}, "autoscaling", {"horizontalpodautoscalers"});
    const json::value scaler = {
        {"metadata", {{"name", "s"}}},
        {"spec",
         {{"maxReplicas", 3}, {"scaleTargetRef", {{"apiVersion", "apps/v1"}, {"kind", "Deployment"}, {"name", "d"}}}}}};
    const std::string scalers = "/apis/autoscaling/v2/namespaces/default/horizontalpodautoscalers";
    co_await addValidating(&client, hooked(hook, rule));
    co_await expecting(&client, 400, "POST", scalers, scaler);
    EXPECT_THAT(seen, ElementsAre("v1 v2 autoscaling/v1"));
    json::value exact = hooked(hook, rule, {{"matchPolicy", "Exact"}});
    const auto stored = co_await client.ask("GET", std::string(kValidating) + "/c");
    exact.at("metadata").as_object()["resourceVersion"] = stored.body.at("metadata").at("resourceVersion");
    co_await expecting(&client, 200, "PUT", std::string(kValidating) + "/c", exact);
    co_await expecting(&client, 201, "POST", scalers, scaler);
    EXPECT_EQ(seen.size(), 1U);
    co_await hook.stop();
  });
}

TEST_F(WebhookOptions, DryRunIsSaidAndSideEffectsMustBeDeclared) {
  with([](ApiServer&, testing::ApiClient& client) -> Task<void> {
    std::vector<bool> dry;
    WebhookServer hook(co_await async::thisExecutor(), [&dry](const json::object& request) {
      dry.push_back(json::isTrue(request, {"dryRun"}));
      return json::object{{"allowed", true}};
    });
    const json::object rule = ruleFor({"CREATE"}, "", {"configmaps"});
    const json::object some{{"sideEffects", "Some"}};
    const auto refused = co_await expecting(&client, 422, "POST", kValidating, hooked(hook, rule, some));
    EXPECT_THAT(refused.text, HasSubstr("webhooks[0].sideEffects"));
    const json::object on_dry_run{{"sideEffects", "NoneOnDryRun"}};
    co_await addValidating(&client, hooked(hook, rule, on_dry_run));
    co_await expecting(&client, 201, "POST", kMapsPath + "?dryRun=All", mapNamed("a"));
    co_await expecting(&client, 201, "POST", kMapsPath, mapNamed("a"));
    EXPECT_THAT(dry, ElementsAre(true, false));
    co_await hook.stop();
  });
}

TEST_F(WebhookOptions, ReinvocationPolicyNeverAsksOnce) {
  with([](ApiServer&, testing::ApiClient& client) -> Task<void> {
    int asked = 0;
    WebhookServer hook(co_await async::thisExecutor(), [&asked](const json::object&) {
      ++asked;
      return json::object{{"allowed", true}};
    });
    const json::object never{{"reinvocationPolicy", "Never"}};
    const json::value made = hooked(hook, ruleFor({"CREATE"}, "", {"configmaps"}), never);
    co_await addMutating(&client, made);
    co_await expecting(&client, 201, "POST", kMapsPath, mapNamed("a"));
    EXPECT_EQ(asked, 1);
    co_await hook.stop();
  });
}

TEST_F(WebhookOptions, AConnectionIsShownWithItsOptionsAndMayBeRefused) {
  with([](ApiServer&, testing::ApiClient& client) -> Task<void> {
    std::vector<std::string> seen;
    WebhookServer hook(co_await async::thisExecutor(), [&seen](const json::object& request) {
      seen.push_back(fmt::format("{} {} {} {} {}", json::text(request, {"operation"}),
                                 json::text(request, {"kind", "kind"}), json::text(request, {"subResource"}),
                                 json::text(request, {"name"}), json::serialize(request.at("object"))));
      return refusing();
    });
    const json::object rule = ruleFor({"CONNECT"}, "", {"pods/*", "nodes/proxy"});
    co_await addValidating(&client, hooked(hook, rule));
    const std::string pod = "/api/v1/namespaces/default/pods/p/";
    for (const char* path :
         {"exec?command=sh&command=-c&stdin=true&container=c", "portforward?ports=80", "proxy/a/b"}) {
      const auto refused = co_await client.ask("GET", pod + path);
      EXPECT_EQ(refused.code, 400) << refused.text;
      EXPECT_THAT(refused.text, HasSubstr("denied the request: no"));
    }
    const auto node = co_await client.ask("GET", "/api/v1/nodes/n/proxy/");
    EXPECT_EQ(node.code, 400) << node.text;
    EXPECT_THAT(
        seen,
        ElementsAre(R"(CONNECT PodExecOptions exec p {"kind":"PodExecOptions","apiVersion":"v1","stdin":true,)"
                    R"("stdout":true,"stderr":true,"container":"c","command":["sh","-c"]})",
                    R"(CONNECT PodPortForwardOptions portforward p {"kind":"PodPortForwardOptions",)"
                    R"("apiVersion":"v1","ports":[80]})",
                    R"(CONNECT PodProxyOptions proxy p {"kind":"PodProxyOptions","apiVersion":"v1","path":"/a/b"})",
                    R"(CONNECT NodeProxyOptions proxy n {"kind":"NodeProxyOptions","apiVersion":"v1","path":"/"})"));
    co_await hook.stop();
  });
}

TEST_F(WebhookOptions, BodiesOfSubresourcesAreShownAsWhatTheyAre) {
  with([](ApiServer&, testing::ApiClient& client) -> Task<void> {
    co_await client.eventually("/api/v1/namespaces/default/serviceaccounts/default", 200);
    std::vector<std::string> seen;
    WebhookServer hook(co_await async::thisExecutor(), [&seen](const json::object& request) {
      seen.push_back(fmt::format("{} {}/{} {}", json::text(request, {"operation"}),
                                 json::text(request, {"kind", "group"}), json::text(request, {"kind", "kind"}),
                                 json::text(request, {"subResource"})));
      return json::object{{"allowed", true}};
    });
    const json::object rule = ruleFor({"*"}, "", {"pods/*", "pods", "serviceaccounts/token"});
    co_await addValidating(&client, hooked(hook, rule));
    const json::value pod = {{"metadata", {{"name", "p"}}},
                             {"spec", {{"containers", {{{"name", "c"}, {"image", "i"}}}}}}};
    const std::string pods = "/api/v1/namespaces/default/pods";
    co_await expecting(&client, 201, "POST", pods, pod);
    const json::value binding = {{"metadata", {{"name", "p"}}}, {"target", {{"kind", "Node"}, {"name", "n"}}}};
    co_await expecting(&client, 201, "POST", pods + "/p/binding", binding);
    const json::value token = {{"spec", {{"expirationSeconds", 600}}}};
    co_await expecting(&client, 201, "POST", "/api/v1/namespaces/default/serviceaccounts/default/token", token);
    const json::value eviction = {{"metadata", {{"name", "p"}}}};
    co_await expecting(&client, 201, "POST", pods + "/p/eviction", eviction);
    EXPECT_THAT(
        seen, ElementsAre("CREATE /Pod ", "CREATE /Binding binding", "CREATE authentication.k8s.io/TokenRequest token",
                          "CREATE policy/Eviction eviction"));
    co_await hook.stop();
  });
}

}  // namespace
}  // namespace slipway::apiserver
