// Pods in namespaces with labels of the Pod Security Standards: refused, warned of and noted as by the real server.
#include <gmock/gmock.h>

#include "apiserver/testing/server_test.h"

namespace slipway::apiserver {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

using PodSecurityTest = testing::ServerTest;
using testing::ApiClient;

const std::string kNamespaces = "/api/v1/namespaces";

std::string podsOf(const std::string& ns) {
  return fmt::format("{}/{}/pods", kNamespaces, ns);
}

json::object securityLabels(const json::object& modes) {
  json::object labels;
  for (const auto& [mode, value] : modes) labels["pod-security.kubernetes.io/" + std::string(mode)] = value;
  return {{"metadata", {{"labels", std::move(labels)}}}};
}

json::value podNamed(std::string_view name, bool host_network = false) {
  return {{"metadata", {{"name", name}}},
          {"spec", {{"hostNetwork", host_network}, {"containers", {{{"name", "a"}, {"image", "i"}}}}}}};
}

json::value deploymentOf(const json::value& pod) {
  json::object spec{{"selector", {{"matchLabels", {{"x", "y"}}}}}};
  spec["template"] = json::object{{"metadata", {{"labels", {{"x", "y"}}}}}, {"spec", pod.at("spec")}};
  return {{"metadata", {{"name", "d"}}}, {"spec", std::move(spec)}};
}

/// A namespace with these labels in which pods can be made.
Task<void> makeNamespace(ApiClient* client, std::string name, json::object modes) {
  json::object ns = securityLabels(modes);
  ns["metadata"].as_object()["name"] = name;
  const auto made = co_await client->ask("POST", kNamespaces, json::value(ns));
  EXPECT_EQ(made.code, 201) << made.text;
  const bool ready = co_await client->eventually(fmt::format("{}/{}/serviceaccounts/default", kNamespaces, name), 200);
  EXPECT_TRUE(ready);
}

Task<ApiClient::Answer> setLabels(ApiClient* client, std::string ns, json::object modes) {
  const json::value patch = securityLabels(modes);
  ApiClient::Answer answer =
      co_await client->ask("PATCH", kNamespaces + "/" + ns, patch, "application/merge-patch+json");
  co_return answer;
}

const std::string kRestrictedWords =
    R"(allowPrivilegeEscalation != false (container "a" must set securityContext.allowPrivilegeEscalation=false), )"
    R"(unrestricted capabilities (container "a" must set securityContext.capabilities.drop=["ALL"]), )"
    R"(runAsNonRoot != true (pod or container "a" must set securityContext.runAsNonRoot=true), )"
    R"(seccompProfile (pod or container "a" must set securityContext.seccompProfile.type to "RuntimeDefault" or )"
    R"("Localhost"))";

TEST_F(PodSecurityTest, WhatTheNamespaceEnforcesIsRefusedAndTemplatesAreWarnedOf) {
  with([](ApiServer&, ApiClient& client) -> Task<void> {
    co_await makeNamespace(&client, "strict", {{"enforce", "restricted"}});
    const auto refused = co_await client.ask("POST", podsOf("strict"), podNamed("x"));
    EXPECT_EQ(refused.code, 403);
    EXPECT_EQ(json::text(refused.body, {"message"}),
              R"(pods "x" is forbidden: violates PodSecurity "restricted:latest": )" + kRestrictedWords);
    EXPECT_EQ(json::text(refused.body, {"details", "name"}), "x");
    EXPECT_EQ(json::text(refused.body, {"details", "kind"}), "pods");
    EXPECT_THAT(refused.warnings, IsEmpty());
    json::value good = podNamed("good");
    good.at("spec").as_object()["securityContext"] =
        json::object{{"runAsNonRoot", true}, {"seccompProfile", {{"type", "RuntimeDefault"}}}};
    good.at("spec").at("containers").at(0).as_object()["securityContext"] =
        json::object{{"allowPrivilegeEscalation", false}, {"capabilities", {{"drop", {"ALL"}}}}};
    const auto allowed = co_await client.ask("POST", podsOf("strict"), good);
    EXPECT_EQ(allowed.code, 201) << allowed.text;
    EXPECT_THAT(allowed.warnings, IsEmpty());
    const std::string path = "/apis/apps/v1/namespaces/strict/deployments";
    const auto warned = co_await client.ask("POST", path, deploymentOf(podNamed("x")));
    EXPECT_EQ(warned.code, 201) << warned.text;
    EXPECT_EQ(warned.warnings.size(), 1U);
    for (const std::string& warning : warned.warnings)
      EXPECT_THAT(warning, HasSubstr(R"(would violate PodSecurity \"restricted:latest\": allowPrivilegeEscalation)"));
    const json::value scale = {{"spec", {{"replicas", 3}}}};
    const auto scaled = co_await client.ask("PATCH", path + "/d/scale", scale, "application/merge-patch+json");
    EXPECT_EQ(scaled.code, 200) << scaled.text;
    EXPECT_THAT(scaled.warnings, IsEmpty());
  });
}

TEST_F(PodSecurityTest, OnlyUpdatesThatChangeAnImageAreLookedAt) {
  with([](ApiServer&, ApiClient& client) -> Task<void> {
    co_await makeNamespace(&client, "later", {});
    const auto made = co_await client.ask("POST", podsOf("later"), podNamed("p", true));
    EXPECT_EQ(made.code, 201) << made.text;
    EXPECT_THAT(made.warnings, IsEmpty());
    const auto labelled = co_await setLabels(&client, "later", {{"enforce", "baseline"}});
    EXPECT_THAT(
        labelled.warnings,
        ElementsAre(HasSubstr(R"(existing pods in namespace \"later\" violate the new PodSecurity enforce level )"
                              R"(\"baseline:latest\")"),
                    HasSubstr("\"p: host namespaces\"")))
        << labelled.text;
    const std::string pod = podsOf("later") + "/p", merge = "application/merge-patch+json",
                      strategic = "application/strategic-merge-patch+json";
    const json::value label = {{"metadata", {{"labels", {{"a", "b"}}}}}};
    const auto changed = co_await client.ask("PATCH", pod, label, merge);
    EXPECT_EQ(changed.code, 200) << changed.text;
    const json::value image = {{"spec", {{"containers", {{{"name", "a"}, {"image", "j"}}}}}}};
    const auto refused = co_await client.ask("PATCH", pod, image, strategic);
    EXPECT_EQ(refused.code, 403);
    EXPECT_THAT(json::text(refused.body, {"message"}),
                HasSubstr(R"(violates PodSecurity "baseline:latest": host namespaces (hostNetwork=true))"));
    const json::value debugger = {{"spec", {{"ephemeralContainers", {{{"name", "d"}, {"image", "j"}}}}}}};
    const auto debugged = co_await client.ask("PATCH", pod + "/ephemeralcontainers", debugger, strategic);
    EXPECT_EQ(debugged.code, 403) << debugged.text;
    const json::value status = {{"status", {{"message", "m"}}}};
    const auto reported = co_await client.ask("PATCH", pod + "/status", status, merge);
    EXPECT_EQ(reported.code, 200) << reported.text;
  });
}

TEST_F(PodSecurityTest, LabelsThatSayNothingSensibleAreRefused) {
  with([](ApiServer&, ApiClient& client) -> Task<void> {
    json::object ns = securityLabels({{"enforce", "foo"}, {"warn-version", "1.5"}});
    ns["metadata"].as_object()["name"] = "bad";
    const auto refused = co_await client.ask("POST", kNamespaces, json::value(ns));
    EXPECT_EQ(refused.code, 422);
    EXPECT_EQ(
        json::text(refused.body, {"message"}),
        R"(Namespace "bad" is invalid: [metadata.labels[pod-security.kubernetes.io/enforce]: Invalid value: "foo": )"
        R"(must be one of privileged, baseline, restricted, metadata.labels[pod-security.kubernetes.io/warn-version])"
        R"(: Invalid value: "1.5": must be "latest" or "v1.x"])");
    const auto changed = co_await setLabels(&client, "default", {{"audit", "strict"}});
    EXPECT_EQ(changed.code, 422) << changed.text;
    const auto stricter = co_await setLabels(&client, "default", {{"enforce", "baseline"}});
    EXPECT_EQ(stricter.code, 200) << stricter.text;
    EXPECT_THAT(stricter.warnings, IsEmpty());
  });
}

TEST_F(PodSecurityTest, TheAuditLogSaysWhatWasEnforcedAndWhatWouldViolate) {
  options_.audit_log = directory_.path() / "audit.jsonl";
  with([this](ApiServer&, ApiClient& client) -> Task<void> {
    co_await makeNamespace(&client, "noted",
                           {{"enforce", "baseline"}, {"audit", "restricted"}, {"warn", "privileged"}});
    const auto made = co_await client.ask("POST", podsOf("noted"), podNamed("x"));
    EXPECT_EQ(made.code, 201) << made.text;
    EXPECT_THAT(made.warnings, IsEmpty());
    const auto refused = co_await client.ask("POST", podsOf("noted"), podNamed("y", true));
    EXPECT_EQ(refused.code, 403) << refused.text;
    const auto log = readFile(options_.audit_log);
    EXPECT_TRUE(log);
    if (!log) co_return;
    EXPECT_THAT(*log, HasSubstr(R"("pod-security.kubernetes.io/enforce-policy":"baseline:latest")"));
    EXPECT_THAT(*log, HasSubstr(R"("pod-security.kubernetes.io/audit-violations":"would violate PodSecurity )"
                                R"(\"restricted:latest\": allowPrivilegeEscalation)"));
    EXPECT_THAT(*log, HasSubstr(R"(\"restricted:latest\": host namespaces (hostNetwork=true))"));
  });
}

}  // namespace
}  // namespace slipway::apiserver
