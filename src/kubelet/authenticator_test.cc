#include "kubelet/authenticator.h"

#include <gtest/gtest.h>

#include "async/loop.h"
#include "base/testing/manual_clock.h"

namespace slipway::kubelet {
namespace {

using namespace std::chrono_literals;

/// Answers the two reviews only.
class Reviewer final : public kube::Client {
 public:
  using Object = kube::Object;
  Task<Result<Object>> get(kube::Resource, std::string, std::string, std::string) override { return none(); }
  Task<Result<kube::List>> list(kube::Resource, std::string, kube::ListOptions) override {
    co_return failure(Code::NotImplemented, "no");
  }
  Task<Result<std::unique_ptr<kube::Watch>>> watch(kube::Resource, std::string, kube::WatchOptions) override {
    co_return failure(Code::NotImplemented, "no");
  }
  Task<Result<Object>> update(kube::Resource, Object, std::string) override { return none(); }
  Task<Result<Object>> patch(kube::Resource, std::string, std::string, kube::PatchType, kube::json::value, std::string,
                             bool) override {
    return none();
  }
  Task<Result<Object>> remove(kube::Resource, std::string, std::string, kube::DeleteOptions) override { return none(); }

  Task<Result<Object>> create(kube::Resource resource, std::string, Object object, std::string, std::string) override {
    ++calls;
    if (away) co_return failure(Code::ServiceUnavailable, "away");
    if (resource == kube::kTokenReviews) {
      const bool good = kube::text(object, {"spec", "token"}) == "good";
      kube::Object& status = kube::ensure(object, {"status"});
      status["authenticated"] = good;
      if (good) {
        status["user"] = kube::Object{{"username", "system:serviceaccount:kube-system:metrics-server"},
                                      {"groups", kube::json::array{"system:authenticated"}},
                                      {"extra", kube::Object{{"k", kube::json::array{"v"}}}}};
      }
    } else {
      last = object;
      const auto subresource = kube::text(object, {"spec", "resourceAttributes", "subresource"});
      kube::ensure(object, {"status"})["allowed"] = subresource == allowed;
    }
    co_return object;
  }

  int calls = 0;
  bool away = false;
  std::string allowed = "metrics";
  Object last;

 private:
  static Task<Result<Object>> none() { co_return failure(Code::NotImplemented, "no"); }
};

http::Request withToken(std::string token) {
  return {.headers = {{"Authorization", "Bearer " + token}}};
}

struct AuthenticatorTest : ::testing::Test {
  Result<User> who(http::Request request, net::Peer peer = {}) {
    return async::runToEnd(authenticator.authenticate(request, peer));
  }
  Status may(std::vector<std::string> subresources) {
    return async::runToEnd(authenticator.authorize({.name = "u", .groups = {"g"}}, {"get", "n1", subresources}));
  }
  Reviewer reviewer;
  slipway::testing::ManualClock clock;
  KubeAuthenticator authenticator{reviewer, clock};
};

TEST_F(AuthenticatorTest, ClientCertificateIsTheUser) {
  net::Peer peer;
  peer.common_name = "kube-apiserver-kubelet-client";
  peer.organizations = {"system:masters"};
  const User user = who({}, peer).value();
  EXPECT_EQ(user.name, "kube-apiserver-kubelet-client");
  EXPECT_EQ(user.groups, (std::vector<std::string>{"system:masters", "system:authenticated"}));
  EXPECT_EQ(reviewer.calls, 0);
}

TEST_F(AuthenticatorTest, NobodyIsUnauthorized) {
  EXPECT_TRUE(who({}).error().is(Code::Unauthorized));
  EXPECT_TRUE(who({.headers = {{"Authorization", "Basic x"}}}).error().is(Code::Unauthorized));
  EXPECT_EQ(reviewer.calls, 0);
}

TEST_F(AuthenticatorTest, TokensAreReviewedAndKeptForTwoMinutes) {
  const User user = who(withToken("good")).value();
  EXPECT_EQ(user.name, "system:serviceaccount:kube-system:metrics-server");
  EXPECT_EQ(user.extra.size(), 1U);
  clock.advance(119s);
  EXPECT_TRUE(who(withToken("good")).has_value());
  EXPECT_EQ(reviewer.calls, 1);
  clock.advance(2s);
  EXPECT_TRUE(who(withToken("good")).has_value());
  EXPECT_EQ(reviewer.calls, 2);
}

TEST_F(AuthenticatorTest, RefusedTokensAreKeptForThirtySeconds) {
  EXPECT_TRUE(who(withToken("bad")).error().is(Code::Unauthorized));
  EXPECT_TRUE(who(withToken("bad")).error().is(Code::Unauthorized));
  EXPECT_EQ(reviewer.calls, 1);
  clock.advance(31s);
  EXPECT_TRUE(who(withToken("bad")).error().is(Code::Unauthorized));
  EXPECT_EQ(reviewer.calls, 2);
}

TEST_F(AuthenticatorTest, UnreachableApiServerIsNoRefusal) {
  reviewer.away = true;
  EXPECT_TRUE(who(withToken("good")).error().is(Code::ServiceUnavailable));
  EXPECT_TRUE(may({"metrics"}).error().is(Code::ServiceUnavailable));
  reviewer.away = false;
  EXPECT_TRUE(who(withToken("good")).has_value());
  EXPECT_TRUE(may({"metrics"}).has_value());
}

TEST_F(AuthenticatorTest, PermissionsAreAskedOnceForFiveMinutes) {
  EXPECT_TRUE(may({"metrics"}).has_value());
  EXPECT_EQ(kube::text(reviewer.last, {"spec", "resourceAttributes", "name"}), "n1");
  EXPECT_EQ(kube::text(reviewer.last, {"spec", "user"}), "u");
  clock.advance(299s);
  EXPECT_TRUE(may({"metrics"}).has_value());
  EXPECT_EQ(reviewer.calls, 1);
  clock.advance(2s);
  EXPECT_TRUE(may({"metrics"}).has_value());
  EXPECT_EQ(reviewer.calls, 2);
}

TEST_F(AuthenticatorTest, RefusalIsInKubeletsWordsAndShortLived) {
  reviewer.allowed = "log";
  const Status refused = may({"pods", "proxy"});
  EXPECT_EQ(refused.error().message, "Forbidden (user=u, verb=get, resource=nodes, subresource(s)=[pods proxy])\n");
  EXPECT_FALSE(may({"pods", "proxy"}).has_value());
  EXPECT_EQ(reviewer.calls, 2);
  reviewer.allowed = "proxy";
  clock.advance(31s);
  EXPECT_TRUE(may({"pods", "proxy"}).has_value());
}

}  // namespace
}  // namespace slipway::kubelet
