// Requests at the edge of what is allowed: answered as the real server answers them, and nothing is done by mistake.
#include <gmock/gmock.h>

#include "apiserver/testing/server_test.h"
#include "base/strings.h"

namespace slipway::apiserver {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

using RequestEdges = testing::ServerTest;

const std::string kEdgeMaps = "/api/v1/namespaces/default/configmaps";

json::value edgeMap(std::string_view name) {
  return {{"metadata", {{"name", name}}}, {"data", {{"k", "v"}}}};
}

Task<void> expectRefused(testing::ApiClient* client, std::string path, int code, std::string words) {
  const auto answer = co_await client->ask("GET", path);
  EXPECT_EQ(answer.code, code) << path;
  EXPECT_THAT(answer.text, HasSubstr(words)) << path;
}

TEST_F(RequestEdges, NumbersVersionsAndPathsAreReadStrictly) {
  with([](ApiServer&, testing::ApiClient& client) -> Task<void> {
    co_await expectRefused(&client, kEdgeMaps + "?limit=abc", 400, R"(strconv.ParseInt: parsing \"abc\")");
    co_await expectRefused(&client, kEdgeMaps + "?timeoutSeconds=abc", 400, R"(strconv.ParseInt: parsing \"abc\")");
    co_await expectRefused(&client, kEdgeMaps + "?timeout=abc", 400, "invalid timeout specified in the request URL");
    co_await expectRefused(&client, "/api/v1/pods?fieldSelector=spec.foo=1", 400,
                           R"("message":"field label not supported: spec.foo")");
    co_await expectRefused(&client, "/api/v1/namespaces/default?resourceVersion=99999999", 504,
                           "Too large resource version: 99999999");
    co_await expectRefused(&client, "/api/v1/namespaces/default?resourceVersion=abc", 500, "strconv.ParseUint");
    co_await expectRefused(&client, "/api/v1//namespaces", 404, "could not find the requested resource");
    co_await expectRefused(&client, "//api/v1", 404, "404 page not found");
    co_await expectRefused(&client, kEdgeMaps + "/..%2f", 400, "Name parameter invalid");
    co_await expectRefused(&client, "/api/v1/namespaces/%2e%2e/pods", 400, "may not be '..'");
    const auto fine = co_await client.ask("GET", "/api/v1/namespaces/?limit=5&timeout=10s&resourceVersion=0");
    EXPECT_EQ(fine.code, 200) << fine.text;
  });
}

TEST_F(RequestEdges, DeleteOptionsThatCannotBeReadDeleteNothing) {
  with([](ApiServer&, testing::ApiClient& client) -> Task<void> {
    co_await client.ask("POST", kEdgeMaps, edgeMap("a"));
    for (const char* options :
         {R"({"gracePeriodSeconds":"a"})", R"({"preconditions":{"uid":7}})", R"({"dryRun":"All"})"}) {
      const auto refused = co_await client.ask("DELETE", kEdgeMaps + "/a", json::parse(options));
      EXPECT_EQ(refused.code, 400) << options << refused.text;
      EXPECT_THAT(refused.text, HasSubstr("json: cannot unmarshal"));
    }
    const auto there = co_await client.ask("GET", kEdgeMaps + "/a");
    EXPECT_EQ(there.code, 200);
  });
}

TEST_F(RequestEdges, TheOldPathOfAWatchShowsItsObjectAlone) {
  with([](ApiServer&, testing::ApiClient& client) -> Task<void> {
    for (const char* name : {"a", "b", "c"}) co_await client.ask("POST", kEdgeMaps, edgeMap(name));
    const auto events =
        co_await client.watch("/api/v1/watch/namespaces/default/configmaps/b?timeoutSeconds=1&resourceVersion=0");
    EXPECT_EQ(events.size(), 1U);
    for (const json::object& event : events) EXPECT_EQ(json::text(event, {"object", "metadata", "name"}), "b");
  });
}

TEST_F(RequestEdges, ABodyThatIsTooLargeGetsItsStatusAndBadBytesAreReplaced) {
  with([](ApiServer&, testing::ApiClient& client) -> Task<void> {
    http::Request large{.method = "POST", .target = kEdgeMaps};
    large.headers.set("Content-Type", "application/json");
    large.body = std::string(4 * 1024 * 1024, ' ');
    const auto refused = co_await client.send(std::move(large));
    EXPECT_EQ(refused.code, 413) << refused.text;
    EXPECT_EQ(json::text(refused.body, {"reason"}), "RequestEntityTooLarge");
    http::Request latin{.method = "POST", .target = kEdgeMaps};
    latin.headers.set("Content-Type", "application/json");
    latin.body = "{\"metadata\":{\"name\":\"latin\"},\"data\":{\"k\":\"caf\xe9\"}}";
    const auto taken = co_await client.send(std::move(latin));
    EXPECT_EQ(taken.code, 201) << taken.text;
    EXPECT_EQ(json::text(taken.body, {"data", "k"}), "caf\xef\xbf\xbd");
  });
}

TEST_F(RequestEdges, PeopleGetLinesAndProgramsDoNot) {
  with([](ApiServer&, testing::ApiClient& client) -> Task<void> {
    const auto plain = co_await client.ask("GET", "/api/v1/namespaces/default");
    EXPECT_THAT(plain.text, Not(HasSubstr("\n  ")));
    const auto asked = co_await client.ask("GET", "/api/v1/namespaces/default?pretty=true");
    EXPECT_THAT(asked.text, HasSubstr("\n  \"metadata\": {\n"));
    http::Request curl{.method = "GET", .target = "/api/v1/namespaces/default"};
    curl.headers.set("User-Agent", "curl/8.5.0");
    const auto shown = co_await client.send(std::move(curl));
    EXPECT_EQ(shown.text, asked.text);
  });
}

TEST_F(RequestEdges, AStatefulSetWithClaimsIsMadeAndAppliedAgain) {
  with([](ApiServer&, testing::ApiClient& client) -> Task<void> {
    const json::value set =
        json::parse(R"({"apiVersion":"apps/v1","kind":"StatefulSet","metadata":{"name":"db"},"spec":{
      "serviceName":"db","selector":{"matchLabels":{"a":"b"}},
      "template":{"metadata":{"labels":{"a":"b"}},
        "spec":{"containers":[{"name":"c","image":"i","volumeMounts":[{"name":"d","mountPath":"/d"}]}]}},
      "volumeClaimTemplates":[{"metadata":{"name":"d"},
        "spec":{"accessModes":["ReadWriteOnce"],"resources":{"requests":{"storage":"1Gi"}}}}]}})");
    const std::string sets = "/apis/apps/v1/namespaces/default/statefulsets";
    const auto made = co_await client.ask("POST", sets, set);
    EXPECT_EQ(made.code, 201) << made.text;
    const json::array* claims = json::findArray(made.body, {"spec", "volumeClaimTemplates"});
    EXPECT_EQ(json::text(claims->at(0).as_object(), {"status", "phase"}), "Pending");
    const auto again = co_await client.ask("PUT", sets + "/db", set);
    EXPECT_EQ(again.code, 200) << again.text;
    EXPECT_EQ(json::findInt(again.body, {"metadata", "generation"}), 1);
    const auto noted = co_await client.ask(
        "PATCH", sets + "/db/status", json::parse(R"({"metadata":{"annotations":{"x":"y"}},"status":{"replicas":1}})"),
        "application/merge-patch+json");
    EXPECT_EQ(noted.code, 200) << noted.text;
    json::value other = set;
    other.at("spec").at("volumeClaimTemplates").at(0).at("metadata").as_object()["labels"] = json::object{{"x", "y"}};
    const auto refused = co_await client.ask("PUT", sets + "/db", other);
    EXPECT_EQ(refused.code, 422) << refused.text;
  });
}

TEST_F(RequestEdges, AStatusNeverCountsAsAChangeOfWhatIsWanted) {
  with([](ApiServer&, testing::ApiClient& client) -> Task<void> {
    const std::string deployments = "/apis/apps/v1/namespaces/default/deployments";
    const auto made = co_await client.ask("POST", deployments, json::parse(R"({"metadata":{"name":"d"},"spec":{
      "selector":{"matchLabels":{"a":"b"}},
      "template":{"metadata":{"labels":{"a":"b"}},"spec":{"containers":[{"name":"c","image":"i"}]}}}})"));
    EXPECT_EQ(made.code, 201) << made.text;
    const json::value noted = json::parse(R"({"metadata":{"annotations":{"deployment.kubernetes.io/revision":"1"}}})");
    const auto status = co_await client.ask("PATCH", deployments + "/d/status", noted, "application/merge-patch+json");
    EXPECT_EQ(json::findInt(status.body, {"metadata", "generation"}), 1) << status.text;
    const auto main =
        co_await client.ask("PATCH", deployments + "/d", json::parse(R"({"metadata":{"annotations":{"x":"y"}}})"),
                            "application/merge-patch+json");
    EXPECT_EQ(json::findInt(main.body, {"metadata", "generation"}), 2) << main.text;
  });
}

TEST_F(RequestEdges, WhatEveryClusterIsBornWithIsThere) {
  with([](ApiServer&, testing::ApiClient& client) -> Task<void> {
    const auto map =
        co_await client.ask("GET", "/api/v1/namespaces/kube-system/configmaps/extension-apiserver-authentication");
    EXPECT_THAT(json::text(map.body, {"data", "client-ca-file"}), HasSubstr("BEGIN CERTIFICATE"));
    const auto flows = co_await client.ask("GET", "/apis/flowcontrol.apiserver.k8s.io/v1/flowschemas");
    EXPECT_EQ(json::findArray(flows.body, {"items"})->size(), 11U);
    const auto levels = co_await client.ask("GET", "/apis/flowcontrol.apiserver.k8s.io/v1/prioritylevelconfigurations");
    EXPECT_EQ(json::findArray(levels.body, {"items"})->size(), 8U);
    const auto version = co_await client.ask("GET", "/version");
    EXPECT_THAT(json::text(version.body, {"gitVersion"}), Not(HasSubstr("-"))) << "charts refuse pre-releases";
    const auto ready = co_await client.ask("GET", "/readyz?verbose&exclude=ping&exclude=nonsense");
    EXPECT_THAT(ready.text, HasSubstr("[+]ping excluded: ok"));
    EXPECT_THAT(ready.text, HasSubstr("no matches for \"nonsense\""));
    const auto metrics = co_await client.ask("GET", "/metrics");
    EXPECT_THAT(metrics.text, HasSubstr("apiserver_storage_objects{resource=\"namespaces\"} 4"));
    EXPECT_THAT(metrics.text, HasSubstr("process_resident_memory_bytes"));
  });
}

Task<std::string> groupsOf(testing::ApiClient* client, std::string as) {
  http::Request request{.method = "POST", .target = "/apis/authentication.k8s.io/v1/selfsubjectreviews"};
  request.headers.set("Content-Type", "application/json");
  request.headers.set("Impersonate-User", as);
  request.body = "{}";
  const auto answer = co_await client->send(std::move(request));
  const json::value* groups = json::find(answer.body, {"status", "userInfo", "groups"});
  co_return groups == nullptr ? answer.text : json::serialize(*groups);
}

TEST_F(RequestEdges, WhoMayTakeANameGetsNoGroupWithIt) {
  with([](ApiServer& server, testing::ApiClient& client) -> Task<void> {
    const std::string rbac = "/apis/rbac.authorization.k8s.io/v1/";
    const auto role = co_await client.ask("POST", rbac + "clusterroles", json::parse(R"({"metadata":{"name":"taker"},
      "rules":[{"apiGroups":[""],"resources":["users"],"verbs":["impersonate"]}]})"));
    EXPECT_EQ(role.code, 201) << role.text;
    const auto binding =
        co_await client.ask("POST", rbac + "clusterrolebindings", json::parse(R"({"metadata":{"name":"taker"},
      "roleRef":{"apiGroup":"rbac.authorization.k8s.io","kind":"ClusterRole","name":"taker"},
      "subjects":[{"apiGroup":"rbac.authorization.k8s.io","kind":"User","name":"joe"}]})"));
    EXPECT_EQ(binding.code, 201) << binding.text;
    const std::string everyone = R"(["system:authenticated"])";
    const Result<std::string> config = server.kubeconfigFor("joe", {});
    const TemporaryDirectory place;
    EXPECT_TRUE(writeFileAtomic(place.path() / "joe", *config, 0600));
    testing::ApiClient joe(co_await async::thisExecutor(), place.path() / "joe");
    const std::string node = co_await groupsOf(&joe, "system:node:n1");
    EXPECT_EQ(node, everyone);
    const std::string odd = co_await groupsOf(&joe, "system:serviceaccount:bad");
    EXPECT_EQ(odd, everyone);
    const std::string by_admin = co_await groupsOf(&client, "system:node:n1");
    EXPECT_EQ(by_admin, R"(["system:nodes","system:authenticated"])");
  });
}

TEST_F(RequestEdges, ASecretForATokenIsFilledAndItsTokenHoldsAsLongAsItIsThere) {
  with([](ApiServer& server, testing::ApiClient& client) -> Task<void> {
    const std::string secrets = "/api/v1/namespaces/default/secrets";
    const auto made = co_await client.ask("POST", secrets, json::parse(R"({"metadata":{"name":"t","annotations":
      {"kubernetes.io/service-account.name":"default"}},"type":"kubernetes.io/service-account-token"})"));
    EXPECT_EQ(made.code, 201) << made.text;
    std::string token;
    for (int i = 0; i < 500 && token.empty(); ++i) {
      const auto read = co_await client.ask("GET", secrets + "/t");
      token = base64Decode(json::text(read.body, {"data", "token"})).value_or("");
      if (token.empty()) co_await async::sleepFor(std::chrono::milliseconds(10));
    }
    testing::ApiClient holder = testing::ApiClient::anonymous(co_await async::thisExecutor(), server.port());
    holder.setToken(token);
    const auto me = co_await holder.ask("POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", json::object{});
    EXPECT_EQ(json::text(me.body, {"status", "userInfo", "username"}), "system:serviceaccount:default:default")
        << me.text;
    co_await client.ask("DELETE", secrets + "/t");
    const auto refused =
        co_await holder.ask("POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", json::object{});
    EXPECT_EQ(refused.code, 401);
    co_await client.ask("POST", "/api/v1/namespaces/default/serviceaccounts",
                        json::parse(R"({"metadata":{"name":"s"}})"));
    co_await client.ask("POST", secrets, json::parse(R"({"metadata":{"name":"u","annotations":
      {"kubernetes.io/service-account.name":"s"}},"type":"kubernetes.io/service-account-token"})"));
    std::string filled;
    for (int i = 0; i < 500 && filled.empty(); ++i) {
      const auto read = co_await client.ask("GET", secrets + "/u");
      filled = json::text(read.body, {"data", "token"});
    }
    co_await client.ask("DELETE", "/api/v1/namespaces/default/serviceaccounts/s");
    bool is_gone = false;
    for (int i = 0; i < 1000 && !is_gone; ++i) {
      const auto read = co_await client.ask("GET", secrets + "/u");
      is_gone = read.code == 404;
      if (!is_gone) co_await async::sleepFor(std::chrono::milliseconds(10));
    }
    EXPECT_TRUE(is_gone) << "a Secret goes with its account";
  });
}

}  // namespace
}  // namespace slipway::apiserver
