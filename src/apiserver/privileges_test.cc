// What nobody may do by a detour: nodes, those who write roles, signing requests or evictions.
#include <gmock/gmock.h>

#include "apiserver/testing/server_test.h"
#include "base/strings.h"
#include "pki/request.h"

namespace slipway::apiserver {
namespace {

using ::testing::HasSubstr;

using Privileges = testing::ServerTest;

const std::string kRbacPath = "/apis/rbac.authorization.k8s.io/v1/";
const std::string kSigningPath = "/apis/certificates.k8s.io/v1/certificatesigningrequests";
const std::string kPodsPath = "/api/v1/namespaces/default/pods";

/// A client of another user.
Task<std::unique_ptr<testing::ApiClient>> clientOf(ApiServer* server, std::string user,
                                                   std::vector<std::string> groups) {
  const Result<std::string> config = server->kubeconfigFor(user, groups);
  const TemporaryDirectory place;
  EXPECT_TRUE(writeFileAtomic(place.path() / "config", *config, 0600));
  co_return std::make_unique<testing::ApiClient>(co_await async::thisExecutor(), place.path() / "config");
}

/// A user with one rule, cluster-wide.
Task<std::unique_ptr<testing::ApiClient>> userWith(ApiServer* server, testing::ApiClient* admin, std::string rule) {
  const auto role =
      co_await admin->ask("POST", kRbacPath + "clusterroles",
                          json::parse(fmt::format(R"({{"metadata":{{"name":"joe"}},"rules":[{}]}})", rule)));
  EXPECT_EQ(role.code, 201) << role.text;
  const auto binding =
      co_await admin->ask("POST", kRbacPath + "clusterrolebindings", json::parse(R"({"metadata":{"name":"joe"},
    "roleRef":{"apiGroup":"rbac.authorization.k8s.io","kind":"ClusterRole","name":"joe"},
    "subjects":[{"apiGroup":"rbac.authorization.k8s.io","kind":"User","name":"joe"}]})"));
  EXPECT_EQ(binding.code, 201) << binding.text;
  co_return co_await clientOf(server, "joe", {});
}

struct Try {
  const char* method;
  std::string path;
  const char* body;
  const char* refusal;
};

TEST_F(Privileges, ANodeKeepsToItself) {
  with([](ApiServer& server, testing::ApiClient& client) -> Task<void> {
    for (const char* name : {"n1", "n2"}) {
      co_await client.ask("POST", "/api/v1/nodes", json::object{{"metadata", json::object{{"name", name}}}});
      const json::value pod = json::parse(fmt::format(
          R"({{"metadata":{{"name":"on-{0}"}},"spec":{{"nodeName":"{0}","containers":[{{"name":"c","image":"i"}}]}}}})",
          name));
      const auto made = co_await client.ask("POST", kPodsPath, pod);
      EXPECT_EQ(made.code, 201) << made.text;
    }
    const std::unique_ptr<testing::ApiClient> node = co_await clientOf(&server, "system:node:n1", {"system:nodes"});
    const std::string own = "/api/v1/nodes/n1";
    const std::string token = "/api/v1/namespaces/default/serviceaccounts/default/token";
    const Try tries[] = {
        {"PATCH", own, R"({"metadata":{"labels":{"node-restriction.kubernetes.io/a":"b"}}})",
         "is not allowed to modify labels"},
        {"PATCH", own, R"({"metadata":{"labels":{"node-role.kubernetes.io/master":""}}})",
         "is not allowed to modify labels"},
        {"PATCH", own, R"({"metadata":{"labels":{"x.k8s.io/z":"z"}}})", "is not allowed to modify labels"},
        {"PATCH", own, R"({"spec":{"taints":[{"key":"a","effect":"NoSchedule"}]}})", "is not allowed to modify taints"},
        {"PATCH", own + "/status", R"({"metadata":{"labels":{"node-restriction.kubernetes.io/a":"b"}}})",
         "modify labels"},
        {"PATCH", own, R"({"metadata":{"ownerReferences":[{"apiVersion":"v1","kind":"Node","name":"x","uid":"u"}]}})",
         "is not allowed to modify ownerReferences"},
        {"PATCH", kPodsPath + "/on-n1/status", R"({"metadata":{"labels":{"a":"b"}}})",
         "cannot update labels through pod status"},
        {"PATCH", kPodsPath + "/on-n2/status", R"({"status":{"phase":"Running"}})", "with spec.nodeName set to itself"},
        {"POST", kPodsPath,
         R"({"metadata":{"name":"m","annotations":{"kubernetes.io/config.mirror":"x"}},"spec":{"nodeName":"n1","containers":[{"name":"a","image":"b"}]}})",
         "single owner reference set to itself"},
    };
    for (const Try& one : tries) {
      const bool patches = std::string_view(one.method) == "PATCH";
      const auto refused = co_await node->ask(one.method, one.path, json::parse(one.body),
                                              patches ? "application/merge-patch+json" : "application/json");
      EXPECT_EQ(refused.code, 403) << one.path << one.body << refused.text;
      EXPECT_THAT(refused.text, HasSubstr(one.refusal));
    }
    const auto zone =
        co_await node->ask("PATCH", own, json::parse(R"({"metadata":{"labels":{"topology.kubernetes.io/zone":"z"}}})"),
                           "application/merge-patch+json");
    EXPECT_EQ(zone.code, 200) << zone.text;
    const auto unbound = co_await node->ask("POST", token, json::parse(R"({"spec":{}})"));
    EXPECT_EQ(unbound.code, 403) << unbound.text;
    EXPECT_THAT(unbound.text, HasSubstr("not bound to a pod"));
    const auto other = co_await client.ask("GET", kPodsPath + "/on-n2");
    const json::value wish = json::parse(
        fmt::format(R"({{"spec":{{"boundObjectRef":{{"kind":"Pod","apiVersion":"v1","name":"on-n2","uid":"{}"}}}}}})",
                    json::text(other.body, {"metadata", "uid"})));
    const auto foreign = co_await node->ask("POST", token, wish);
    EXPECT_EQ(foreign.code, 403) << foreign.text;
    const auto evicted =
        co_await node->ask("POST", kPodsPath + "/on-n2/eviction", json::parse(R"({"metadata":{"name":"on-n2"}})"));
    EXPECT_EQ(evicted.code, 403) << evicted.text;
  });
}

TEST_F(Privileges, WhoCollectsRulesMustHoldThemAll) {
  with([](ApiServer& server, testing::ApiClient& client) -> Task<void> {
    const std::unique_ptr<testing::ApiClient> joe = co_await userWith(
        &server, &client, R"({"apiGroups":["rbac.authorization.k8s.io"],"resources":["clusterroles"],"verbs":["*"]})");
    const json::value role = json::parse(
        R"({"metadata":{"name":"all"},"aggregationRule":{"clusterRoleSelectors":[{"matchLabels":{"a":"b"}}]},"rules":[]})");
    // The verb "*" holds "escalate" too: without it.
    const auto by_admin = co_await client.ask("POST", kRbacPath + "clusterroles", role);
    EXPECT_EQ(by_admin.code, 201) << by_admin.text;
    const auto narrowed = co_await client.ask("PATCH", kRbacPath + "clusterroles/joe", json::parse(R"({"rules":[
      {"apiGroups":["rbac.authorization.k8s.io"],"resources":["clusterroles"],"verbs":["create","get"]}]})"),
                                              "application/merge-patch+json");
    EXPECT_EQ(narrowed.code, 200) << narrowed.text;
    json::value second = role;
    second.at("metadata").as_object()["name"] = "more";
    const auto refused = co_await joe->ask("POST", kRbacPath + "clusterroles", second);
    EXPECT_EQ(refused.code, 403);
    EXPECT_THAT(refused.text, HasSubstr("must have cluster-admin privileges to use the aggregationRule"));
  });
}

TEST_F(Privileges, SigningRequestsAreApprovedAndSignedByThoseOfTheirSigner) {
  with([](ApiServer& server, testing::ApiClient& client) -> Task<void> {
    const auto key = pki::PrivateKey::generate(pki::KeyType::EcP256);
    pki::CertificateTemplate masters;
    masters.common_name = "eve";
    masters.organizations = {"system:masters"};
    pki::CertificateTemplate plain;
    plain.common_name = "eve";
    const auto bodyOf = [&](const char* name, const pki::CertificateTemplate& wanted) {
      json::object spec{{"signerName", "kubernetes.io/kube-apiserver-client"},
                        {"usages", json::array{"client auth"}},
                        {"request", base64Encode(pki::createRequest(wanted, *key).value())}};
      return json::value{{"metadata", {{"name", name}}}, {"spec", std::move(spec)}};
    };
    const auto refused = co_await client.ask("POST", kSigningPath, bodyOf("a", masters));
    EXPECT_EQ(refused.code, 403);
    EXPECT_THAT(
        refused.text,
        HasSubstr("use of kubernetes.io/kube-apiserver-client signer with system:masters group is not allowed"));
    const auto made = co_await client.ask("POST", kSigningPath, bodyOf("b", plain));
    EXPECT_EQ(made.code, 201) << made.text;
    const std::unique_ptr<testing::ApiClient> joe = co_await userWith(
        &server, &client,
        R"({"apiGroups":["certificates.k8s.io"],"resources":["certificatesigningrequests/approval","certificatesigningrequests/status"],"verbs":["update","patch"]})");
    const json::value approval =
        json::parse(R"({"status":{"conditions":[{"type":"Approved","status":"True","reason":"r","message":"m"}]}})");
    const auto approved =
        co_await joe->ask("PATCH", kSigningPath + "/b/approval", approval, "application/merge-patch+json");
    EXPECT_EQ(approved.code, 403);
    EXPECT_THAT(approved.text, HasSubstr("user not permitted to approve requests with signerName"));
    const auto signed_by =
        co_await joe->ask("PATCH", kSigningPath + "/b/status", json::parse(R"({"status":{"certificate":"eA=="}})"),
                          "application/merge-patch+json");
    EXPECT_EQ(signed_by.code, 403) << signed_by.text;
    const auto by_admin =
        co_await client.ask("PATCH", kSigningPath + "/b/approval", approval, "application/merge-patch+json");
    EXPECT_EQ(by_admin.code, 200) << by_admin.text;
  });
}

TEST_F(Privileges, AnEvictionThatIsTriedOnlyEvictsNothing) {
  with([](ApiServer&, testing::ApiClient& client) -> Task<void> {
    co_await client.ask("POST", kPodsPath,
                        json::parse(R"({"metadata":{"name":"p"},"spec":{"containers":[{"name":"c","image":"i"}]}})"));
    for (const char* options : {R"({"dryRun":["All"]})", R"({"preconditions":{"resourceVersion":"1"}})"}) {
      const json::value eviction =
          json::parse(fmt::format(R"({{"metadata":{{"name":"p"}},"deleteOptions":{}}})", options));
      const auto answer = co_await client.ask("POST", kPodsPath + "/p/eviction", eviction);
      EXPECT_THAT(answer.code, ::testing::AnyOf(201, 409)) << answer.text;
      const auto there = co_await client.ask("GET", kPodsPath + "/p");
      EXPECT_EQ(there.code, 200) << options;
    }
  });
}

TEST_F(Privileges, AnIngressGetsTheNewestDefaultClass) {
  with([](ApiServer&, testing::ApiClient& client) -> Task<void> {
    const std::string networking = "/apis/networking.k8s.io/v1/";
    co_await client.ask("POST", networking + "ingressclasses", json::parse(R"({"metadata":{"name":"web","annotations":
      {"ingressclass.kubernetes.io/is-default-class":"true"}},"spec":{"controller":"ex.io/c"}})"));
    const auto made =
        co_await client.ask("POST", networking + "namespaces/default/ingresses", json::parse(R"({"metadata":
      {"name":"i"},"spec":{"defaultBackend":{"service":{"name":"s","port":{"number":80}}}}})"));
    EXPECT_EQ(json::text(made.body, {"spec", "ingressClassName"}), "web") << made.text;
  });
}

}  // namespace
}  // namespace slipway::apiserver
