#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "apiserver/auth/authorizer.h"
#include "apiserver/auth/default_policy.h"
#include "apiserver/auth/service_account_tokens.h"
#include "async/loop.h"
#include "base/files.h"
#include "base/testing/manual_clock.h"
#include "json/document.h"

namespace slipway::apiserver {
namespace {

class AuthTest : public ::testing::Test {
 protected:
  AuthTest() : store_(Store::open(loop_.executor(), directory_.path() / "state.db", clock_).value()) {}

  void put(const std::string& table, const std::string& key, const json::object& object) {
    loop_.run(putTask(store_.get(), table, key, json::serialize(object)), false);
  }
  static Task<void> putTask(Store* store, std::string table, std::string key, std::string bytes) {
    Store::Render render = [bytes](int64_t) { return bytes; };
    co_await store->put(table, key, store->table(table).find(key), render);
  }
  void putPolicy() {
    for (const json::object& object : defaultPolicy()) {
      const std::string kind(json::text(object, {"kind"}));
      const std::string name(json::text(object, {"metadata", "name"}));
      const std::string ns(json::text(object, {"metadata", "namespace"}));
      std::string plural = kind == "ClusterRole"   ? "clusterroles"
                           : kind == "Role"        ? "roles"
                           : kind == "RoleBinding" ? "rolebindings"
                                                   : "clusterrolebindings";
      put("rbac.authorization.k8s.io/" + plural, ns.empty() ? name : ns + "/" + name, object);
    }
  }
  bool may(const User& user, std::string verb, std::string group, std::string resource, std::string sub = "",
           std::string ns = "", std::string name = "") {
    return authorizer_.authorize(user, {verb, true, group, "v1", resource, sub, ns, name, {}}).allowed;
  }

  TemporaryDirectory directory_;
  testing::ManualClock clock_;
  SystemRandom random_;
  async::Loop loop_;
  std::unique_ptr<Store> store_;
  Authorizer authorizer_{*store_};
};

TEST_F(AuthTest, MastersMayEverythingAndStrangersNothing) {
  EXPECT_TRUE(may({"a", "", {"system:masters"}, {}}, "delete", "", "nodes"));
  EXPECT_FALSE(may({"b", "", {"system:authenticated"}, {}}, "get", "", "pods"));
}

TEST_F(AuthTest, DefaultPolicyLetsComponentsDoTheirWork) {
  putPolicy();
  const User scheduler{"system:kube-scheduler", "", {"system:authenticated"}, {}};
  EXPECT_TRUE(may(scheduler, "create", "", "pods", "binding", "x"));
  EXPECT_FALSE(may(scheduler, "create", "", "secrets", "", "x"));
  EXPECT_TRUE(
      may({"u", "", {"system:authenticated"}, {}}, "create", "authorization.k8s.io", "selfsubjectaccessreviews"));
}

TEST_F(AuthTest, BindingInANamespaceHoldsThereOnlyAndGoesByTheRole) {
  putPolicy();
  put("rbac.authorization.k8s.io/rolebindings", "a/b",
      json::parse(R"({"metadata": {"name": "b", "namespace": "a"},
    "roleRef": {"kind": "ClusterRole", "name": "view"}, "subjects": [{"kind": "User", "name": "jane"}]})")
          .as_object());
  const User jane{"jane", "", {"system:authenticated"}, {}};
  EXPECT_TRUE(may(jane, "list", "", "pods", "", "a"));
  EXPECT_FALSE(may(jane, "list", "", "pods", "", "b"));
  EXPECT_FALSE(may(jane, "list", "", "secrets", "", "a"));
}

TEST_F(AuthTest, NodeReadsOnlyTheSecretsOfItsPods) {
  const User node{"system:node:n1", "", {"system:nodes", "system:authenticated"}, {}};
  EXPECT_FALSE(may(node, "get", "", "secrets", "", "x", "s"));
  put("core/pods", "x/p",
      json::parse(R"({"metadata": {"name": "p", "namespace": "x"}, "spec": {"nodeName": "n1",
    "volumes": [{"name": "v", "secret": {"secretName": "s"}}]}})")
          .as_object());
  EXPECT_TRUE(may(node, "get", "", "secrets", "", "x", "s"));
  EXPECT_FALSE(may(node, "get", "", "secrets", "", "x", "other"));
  EXPECT_FALSE(may({"system:node:n2", "", {"system:nodes"}, {}}, "get", "", "secrets", "", "x", "s"));
  EXPECT_TRUE(may(node, "update", "coordination.k8s.io", "leases", "", "kube-node-lease", "n1"));
  EXPECT_FALSE(may(node, "update", "coordination.k8s.io", "leases", "", "kube-node-lease", "n2"));
}

TEST(PolicyRule, WhatIsNotCoveredIsNamed) {
  const std::vector<PolicyRule> owned{{{"get"}, {""}, {"pods", "*/scale"}, {}, {}}};
  EXPECT_TRUE(notCovered(owned, {{{"get"}, {""}, {"pods"}, {"one"}, {}}}).empty());
  EXPECT_TRUE(notCovered(owned, {{{"get"}, {""}, {"deployments/scale"}, {}, {}}}).empty());
  const auto missing = notCovered(owned, {{{"get", "list"}, {""}, {"pods"}, {}, {}}});
  ASSERT_EQ(missing.size(), 1U);
  EXPECT_EQ(describe(missing[0]), "{APIGroups:[\"\"], Resources:[\"pods\"], Verbs:[\"list\"]}");
}

TEST_F(AuthTest, TokenDiesWithItsPodAndWithTime) {
  ServiceAccountTokens tokens(pki::PrivateKey::generate(pki::KeyType::EcP256).value(), "iss", *store_, clock_, random_);
  put("core/serviceaccounts", "x/a", json::parse(R"({"metadata": {"uid": "1"}})").as_object());
  put("core/pods", "x/p", json::parse(R"({"metadata": {"uid": "2"}})").as_object());
  TokenWish wish;
  wish.ns = "x";
  wish.account = "a";
  wish.account_uid = "1";
  wish.bound_kind = "Pod";
  wish.bound_name = "p";
  wish.bound_uid = "2";
  const std::string token = tokens.issue(wish).value().token;
  const auto owner = tokens.verify(token, {});
  ASSERT_TRUE(owner) << owner.error().message;
  EXPECT_EQ(owner->user.name, "system:serviceaccount:x:a");
  EXPECT_FALSE(tokens.verify(token, {"another"}));
  clock_.advance(std::chrono::hours(2));
  EXPECT_FALSE(tokens.verify(token, {}));
  const std::string fresh = tokens.issue(wish).value().token;
  EXPECT_TRUE(tokens.verify(fresh, {}));
  put("core/pods", "x/p", json::parse(R"({"metadata": {"uid": "3"}})").as_object());
  EXPECT_FALSE(tokens.verify(fresh, {}));
}

}  // namespace
}  // namespace slipway::apiserver
