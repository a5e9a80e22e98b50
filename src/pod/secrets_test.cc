#include "pod/secrets.h"

#include <gtest/gtest.h>

#include "async/loop.h"
#include "pod/plan.h"
#include "pod/testing/fake_plan_source.h"

namespace slipway::pod {
namespace {

constexpr const char* kWord = "hunter2";

/// A pod with its secret in each place where one can be.
site::v1::PodPlan planWithSecrets() {
  const kube::Object pod = kube::json::parse(R"json({
    "metadata": {"name": "p", "namespace": "ns", "uid": "u"},
    "spec": {
      "imagePullSecrets": [{"name": "registry"}],
      "volumes": [{"name": "s", "secret": {"secretName": "s"}},
                  {"name": "both", "projected": {"sources": [{"configMap": {"name": "c"}}, {"secret": {"name": "s"}}]}},
                  {"name": "c", "configMap": {"name": "c"}}],
      "containers": [{
        "name": "main", "image": "i", "command": ["sh", "-c", "open $(OTHER)"], "args": ["$(PLAIN)"],
        "envFrom": [{"secretRef": {"name": "s"}, "prefix": "FROM_"}, {"configMapRef": {"name": "c"}}],
        "env": [{"name": "KEY", "valueFrom": {"secretKeyRef": {"name": "s", "key": "password"}}},
                {"name": "OTHER", "value": "<$(KEY)>"},
                {"name": "PLAIN", "value": "shown"}],
        "volumeMounts": [{"name": "s", "mountPath": "/s"}]
      }, {"name": "second", "image": "i", "command": ["true"]}]
    }})json")
                               .get_object();
  FakePlanSource source;
  source.secrets["ns/s"] =
      kube::json::parse(R"({"kind": "Secret", "data": {"password": "aHVudGVyMg=="}})").get_object();
  source.config_maps["ns/c"] = kube::json::parse(R"({"kind": "ConfigMap", "data": {"colour": "blue"}})").get_object();
  source.secrets["ns/registry"] = kube::json::parse(
                                      R"({"kind": "Secret", "data": {".dockerconfigjson":
              "eyJhdXRocyI6eyJyLmlvIjp7InVzZXJuYW1lIjoidSIsInBhc3N3b3JkIjoiaHVudGVyMiJ9fX0="}})")
                                      .get_object();
  auto plan = async::runToEnd(buildPlan(pod, source, {}));
  EXPECT_TRUE(plan.has_value()) << plan.error().message;
  return *plan;
}

TEST(PodSecrets, WhatIsLeftOfThePlanHasNoByteOfASecret) {
  site::v1::PodPlan plan = planWithSecrets();
  ASSERT_NE(plan.SerializeAsString().find(kWord), std::string::npos);
  const site::v1::PodSecrets secrets = takeSecrets(plan);
  EXPECT_EQ(plan.SerializeAsString().find(kWord), std::string::npos) << plan.DebugString();
  EXPECT_TRUE(plan.secrets_apart());
  EXPECT_EQ(secrets.pod_uid(), "u");
  // What is no secret stays where it was.
  EXPECT_NE(plan.SerializeAsString().find("blue"), std::string::npos);
  EXPECT_NE(plan.SerializeAsString().find("shown"), std::string::npos);
  EXPECT_EQ(plan.containers(1).command(0), "true");
}

TEST(PodSecrets, TheyComeBackWhereTheyWere) {
  const site::v1::PodPlan whole = planWithSecrets();
  site::v1::PodPlan plan = whole;
  const site::v1::PodSecrets secrets = takeSecrets(plan);
  putSecrets(plan, secrets);
  EXPECT_FALSE(plan.secrets_apart());
  const auto sorted = [](site::v1::PodPlan each) {
    for (auto& container : *each.mutable_containers()) {
      std::sort(container.mutable_env()->begin(), container.mutable_env()->end(),
                [](const auto& a, const auto& b) { return a.name() < b.name(); });
    }
    return each.SerializeAsString();
  };
  EXPECT_EQ(sorted(plan), sorted(whole));
}

TEST(PodSecrets, NewerOnesReplaceTheOlder) {
  site::v1::PodPlan plan = planWithSecrets();
  site::v1::PodSecrets secrets = takeSecrets(plan);
  site::v1::ContainerSecrets& main = *secrets.mutable_containers(0);
  main.clear_env();
  site::v1::EnvVar& added = *main.add_env();
  added.set_name("FROM_new");
  added.set_value("x");
  added.set_secret(true);
  putSecrets(plan, secrets);
  std::string names;
  for (const auto& variable : plan.containers(0).env()) {
    if (variable.secret()) names += variable.name() + " ";
  }
  EXPECT_EQ(names, "FROM_new ");
}

TEST(PodSecrets, APlanWithoutAnyIsWhole) {
  site::v1::PodPlan plan;
  plan.add_containers()->set_name("main");
  takeSecrets(plan);
  EXPECT_FALSE(plan.secrets_apart());
}

TEST(PodSecrets, AVariableThatIsSetAnewIsNoSecret) {
  const kube::Object pod = kube::json::parse(R"json({
    "metadata": {"name": "p", "namespace": "ns", "uid": "u"},
    "spec": {"containers": [{"name": "main", "image": "i",
      "envFrom": [{"secretRef": {"name": "s"}}], "env": [{"name": "password", "value": "plain"}]}]}})json")
                               .get_object();
  FakePlanSource source;
  source.secrets["ns/s"] =
      kube::json::parse(R"({"kind": "Secret", "data": {"password": "aHVudGVyMg=="}})").get_object();
  auto plan = async::runToEnd(buildPlan(pod, source, {}));
  ASSERT_TRUE(plan.has_value()) << plan.error().message;
  takeSecrets(*plan);
  EXPECT_FALSE(plan->secrets_apart());
}

}  // namespace
}  // namespace slipway::pod
