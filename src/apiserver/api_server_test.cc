#include <gmock/gmock.h>

#include "apiserver/testing/server_test.h"

namespace slipway::apiserver {
namespace {

using ::testing::HasSubstr;
using ApiServerTest = testing::ServerTest;

json::object configMap(std::string_view name, std::string_view value) {
  json::object metadata{{"name", name}};
  return {{"apiVersion", "v1"},
          {"kind", "ConfigMap"},
          {"metadata", std::move(metadata)},
          {"data", json::object{{"k", value}}}};
}

json::object pod(std::string_view name) {
  json::array containers{json::object{{"name", "c"}, {"image", "busybox"}}};
  json::object metadata{{"name", name}};
  return {{"apiVersion", "v1"},
          {"kind", "Pod"},
          {"metadata", std::move(metadata)},
          {"spec", json::object{{"containers", std::move(containers)}}}};
}

constexpr const char* kMaps = "/api/v1/namespaces/default/configmaps";

TEST_F(ApiServerTest, FreshServerHasItsNamespacesAndServiceAccounts) {
  with([](ApiServer&, testing::ApiClient& client) -> Task<void> {
    for (const std::string ns : {"default", "kube-system", "kube-public", "kube-node-lease"}) {
      const auto answer = co_await client.ask("GET", "/api/v1/namespaces/" + ns);
      EXPECT_EQ(answer.code, 200);
      EXPECT_EQ(json::text(answer.body, {"status", "phase"}), "Active");
    }
    EXPECT_TRUE(co_await client.eventually("/api/v1/namespaces/default/serviceaccounts/default", 200));
    EXPECT_TRUE(co_await client.eventually("/api/v1/namespaces/default/configmaps/kube-root-ca.crt", 200));
  });
}

TEST_F(ApiServerTest, ObjectsSurviveARestart) {
  with([](ApiServer&, testing::ApiClient& client) -> Task<void> {
    const auto answer = co_await client.ask("POST", kMaps, configMap("a", "1"));
    EXPECT_EQ(answer.code, 201);
  });
  with([](ApiServer&, testing::ApiClient& client) -> Task<void> {
    const auto answer = co_await client.ask("GET", std::string(kMaps) + "/a");
    EXPECT_EQ(answer.code, 200);
    EXPECT_EQ(json::text(answer.body, {"data", "k"}), "1");
  });
}

TEST_F(ApiServerTest, WithoutCredentialsOnlyHealthAnswers) {
  with([](ApiServer& server, testing::ApiClient&) -> Task<void> {
    const Executor executor = co_await async::thisExecutor();
    testing::ApiClient stranger = testing::ApiClient::anonymous(executor, server.port());
    const auto health = co_await stranger.ask("GET", "/readyz");
    EXPECT_EQ(health.code, 200);
    EXPECT_EQ(health.text, "ok");
    const auto refused = co_await stranger.ask("GET", "/api/v1/pods");
    EXPECT_EQ(refused.code, 401);
    EXPECT_EQ(json::text(refused.body, {"reason"}), "Unauthorized");
  });
}

TEST_F(ApiServerTest, WatchShowsEachChangeOnce) {
  with([](ApiServer&, testing::ApiClient& client) -> Task<void> {
    const auto list = co_await client.ask("GET", kMaps);
    const std::string from(json::text(list.body, {"metadata", "resourceVersion"}));
    co_await client.ask("POST", kMaps, configMap("w", "1"));
    co_await client.ask("PATCH", std::string(kMaps) + "/w", json::object{{"data", json::object{{"k", "2"}}}},
                        "application/merge-patch+json");
    co_await client.ask("DELETE", std::string(kMaps) + "/w");
    const auto lines = co_await client.watch(
        fmt::format("{}?watch=true&timeoutSeconds=1&fieldSelector=metadata.name%3Dw&resourceVersion={}", kMaps, from));
    EXPECT_EQ(lines.size(), 3U);
    std::string types;
    for (const json::object& line : lines) types += fmt::format("{} ", json::text(line, {"type"}));
    EXPECT_EQ(types, "ADDED MODIFIED DELETED ");
  });
}

TEST_F(ApiServerTest, LabelThatGoesAwayIsADeleteForWhoSelectsIt) {
  with([](ApiServer&, testing::ApiClient& client) -> Task<void> {
    json::object labelled = configMap("l", "1");
    labelled["metadata"].as_object()["labels"] = json::object{{"a", "b"}};
    const auto created = co_await client.ask("POST", kMaps, labelled);
    const std::string from(json::text(created.body, {"metadata", "resourceVersion"}));
    co_await client.ask("PATCH", std::string(kMaps) + "/l",
                        json::object{{"metadata", json::object{{"labels", json::object{{"a", nullptr}}}}}},
                        "application/merge-patch+json");
    const auto lines = co_await client.watch(
        fmt::format("{}?watch=true&timeoutSeconds=1&labelSelector=a&resourceVersion={}", kMaps, from));
    EXPECT_EQ(lines.size(), 1U);
    EXPECT_EQ(json::text(lines.at(0), {"type"}), "DELETED");
    EXPECT_EQ(json::text(lines.at(0), {"object", "metadata", "labels", "a"}), "b");
  });
}

TEST_F(ApiServerTest, PodOnANodeIsKeptUntilTheKubeletIsDone) {
  with([](ApiServer&, testing::ApiClient& client) -> Task<void> {
    const std::string pods = "/api/v1/namespaces/default/pods";
    co_await client.eventually("/api/v1/namespaces/default/serviceaccounts/default", 200);
    json::object bound = pod("p");
    bound["spec"].as_object()["nodeName"] = "n1";
    const auto created = co_await client.ask("POST", pods, bound);
    EXPECT_EQ(created.code, 201) << created.text;
    const auto deleted = co_await client.ask("DELETE", pods + "/p");
    EXPECT_EQ(json::findInt(deleted.body, {"metadata", "deletionGracePeriodSeconds"}), 30);
    const auto still = co_await client.ask("GET", pods + "/p");
    EXPECT_EQ(still.code, 200);
    const auto forced = co_await client.ask("DELETE", pods + "/p?gracePeriodSeconds=0");
    EXPECT_EQ(forced.code, 200);
    const auto gone = co_await client.ask("GET", pods + "/p");
    EXPECT_EQ(gone.code, 404);
  });
}

TEST_F(ApiServerTest, DeletedNamespaceIsEmptiedAndGoes) {
  with([](ApiServer&, testing::ApiClient& client) -> Task<void> {
    json::object ns{{"apiVersion", "v1"}, {"kind", "Namespace"}, {"metadata", json::object{{"name", "x"}}}};
    co_await client.ask("POST", "/api/v1/namespaces", ns);
    co_await client.ask("POST", "/api/v1/namespaces/x/configmaps", configMap("a", "1"));
    const auto deleted = co_await client.ask("DELETE", "/api/v1/namespaces/x");
    EXPECT_EQ(json::text(deleted.body, {"status", "phase"}), "Terminating");
    EXPECT_TRUE(co_await client.eventually("/api/v1/namespaces/x", 404));
    const auto refused = co_await client.ask("POST", "/api/v1/namespaces/x/configmaps", configMap("b", "1"));
    EXPECT_EQ(refused.code, 404);
    EXPECT_THAT(refused.text, HasSubstr("namespaces \\\"x\\\" not found"));
  });
}

TEST_F(ApiServerTest, WhileAPodIsLeftADeletedNamespaceKeepsTheRest) {
  with([](ApiServer&, testing::ApiClient& client) -> Task<void> {
    const json::object metadata{{"name", "n"}};
    co_await client.ask("POST", "/api/v1/namespaces", json::object{{"metadata", metadata}});
    EXPECT_TRUE(co_await client.eventually("/api/v1/namespaces/n/serviceaccounts/default", 200));
    json::object held = pod("p");
    json::ensureObject(held, "metadata")["finalizers"] = json::array{"example.com/held"};
    EXPECT_EQ((co_await client.ask("POST", "/api/v1/namespaces/n/pods", held)).code, 201);
    EXPECT_EQ((co_await client.ask("POST", "/api/v1/namespaces/n/configmaps", configMap("m", "v"))).code, 201);
    co_await client.ask("DELETE", "/api/v1/namespaces/n");
    std::string text;
    for (int turn = 0; turn < 500 && text.find("deletionTimestamp") == std::string::npos; ++turn) {
      text = (co_await client.ask("GET", "/api/v1/namespaces/n/pods/p")).text;
    }
    EXPECT_THAT(text, HasSubstr("deletionTimestamp"));
    EXPECT_EQ((co_await client.ask("GET", "/api/v1/namespaces/n/configmaps/m")).code, 200);
    const json::value release = json::parse(R"({"metadata":{"finalizers":null}})");
    co_await client.ask("PATCH", "/api/v1/namespaces/n/pods/p", release, "application/merge-patch+json");
    EXPECT_TRUE(co_await client.eventually("/api/v1/namespaces/n", 404));
  });
}

TEST_F(ApiServerTest, PagesGoOnFromTheirToken) {
  with([](ApiServer&, testing::ApiClient& client) -> Task<void> {
    for (int i = 0; i < 5; ++i) co_await client.ask("POST", kMaps, configMap(fmt::format("p{}", i), "1"));
    std::string next;
    size_t seen = 0;
    size_t pages = 0;
    do {
      const auto page = co_await client.ask(
          "GET", fmt::format("{}?limit=2&fieldSelector=metadata.name!%3Dkube-root-ca.crt&continue={}", kMaps, next));
      EXPECT_EQ(page.code, 200) << page.text;
      seen += page.body.at("items").as_array().size();
      next = json::text(page.body, {"metadata", "continue"});
      ++pages;
    } while (!next.empty() && pages < 10);
    EXPECT_EQ(seen, 5U);
    EXPECT_EQ(pages, 3U);
  });
}

TEST_F(ApiServerTest, TokenOfAServiceAccountIsItsUser) {
  with([](ApiServer& server, testing::ApiClient& client) -> Task<void> {
    co_await client.eventually("/api/v1/namespaces/default/serviceaccounts/default", 200);
    const json::object request{
        {"apiVersion", "authentication.k8s.io/v1"}, {"kind", "TokenRequest"}, {"spec", json::object()}};
    const auto issued =
        co_await client.ask("POST", "/api/v1/namespaces/default/serviceaccounts/default/token", request);
    EXPECT_EQ(issued.code, 201) << issued.text;
    const Executor executor = co_await async::thisExecutor();
    testing::ApiClient account = testing::ApiClient::anonymous(executor, server.port());
    account.setToken(std::string(json::text(issued.body, {"status", "token"})));
    const auto refused = co_await account.ask("GET", kMaps);
    EXPECT_EQ(refused.code, 403);
    EXPECT_THAT(refused.text, HasSubstr("system:serviceaccount:default:default"));
    const auto groups = co_await account.ask("GET", "/apis");
    EXPECT_EQ(groups.code, 200);
    co_await client.ask("DELETE", "/api/v1/namespaces/default/serviceaccounts/default");
    const auto dead = co_await account.ask("GET", "/apis");
    EXPECT_EQ(dead.code, 401);
  });
}

TEST_F(ApiServerTest, StrictDecodingNamesUnknownAndRepeatedFieldsInTheOrderOfTheBody) {
  with([](ApiServer&, testing::ApiClient& client) -> Task<void> {
    const auto post = [](std::string_view spec) {
      http::Request request;
      request.method = "POST";
      request.target = std::string(kMaps) + "?fieldValidation=Strict";
      request.headers.set("Content-Type", "application/json");
      request.body = fmt::format(R"({{"apiVersion":"v1","kind":"ConfigMap","metadata":{{"name":"x"}},{}}})", spec);
      return request;
    };
    const auto first = co_await client.send(post(R"("zzz":1,"data":{"a":"1","a":"2"})"));
    EXPECT_THAT(first.text, HasSubstr(R"(strict decoding error: unknown field \"zzz\", duplicate field \"data.a\"")"));
    const auto second = co_await client.send(post(R"("data":{"a":"1","a":"2"},"zzz":1)"));
    EXPECT_THAT(second.text, HasSubstr(R"(duplicate field \"data.a\", unknown field \"zzz\"")"));
    http::Request apply = post("");
    apply.method = "PATCH";
    apply.target = std::string(kMaps) + "/x?fieldValidation=Strict&fieldManager=me";
    apply.headers.set("Content-Type", "application/apply-patch+yaml");
    apply.body = "apiVersion: v1\nkind: ConfigMap\ndata:\n  a: b\n  a: c\n";
    const auto third = co_await client.send(apply);
    EXPECT_THAT(third.text, HasSubstr(R"(yaml: unmarshal errors:\n  line 5: key \"a\" already set in map")"));
  });
}

TEST_F(ApiServerTest, AReviewIsNoTable) {
  with([](ApiServer&, testing::ApiClient& client) -> Task<void> {
    http::Request request;
    request.method = "POST";
    request.target = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
    request.headers.set("Accept", "application/json;as=Table;v=v1;g=meta.k8s.io");
    request.body = R"({"spec":{"nonResourceAttributes":{"path":"/","verb":"get"}}})";
    EXPECT_EQ((co_await client.send(request)).code, 406);
    request.headers.set("Accept", "application/json;as=Table;v=v1;g=meta.k8s.io, application/json");
    EXPECT_EQ((co_await client.send(request)).code, 406);
    request.headers.set("Accept", "application/json");
    EXPECT_EQ((co_await client.send(request)).code, 201);
  });
}

TEST_F(ApiServerTest, TheRangeOfServiceAddressesIsThereAndReady) {
  with([](ApiServer&, testing::ApiClient& client) -> Task<void> {
    const auto range = co_await client.ask("GET", "/apis/networking.k8s.io/v1/servicecidrs/kubernetes");
    EXPECT_THAT(range.text, HasSubstr(R"("cidrs":["10.96.0.0/16"])"));
    EXPECT_THAT(range.text, HasSubstr(R"("type":"Ready","status":"True")"));
  });
}

}  // namespace
}  // namespace slipway::apiserver
