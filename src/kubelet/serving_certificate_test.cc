#include "kubelet/serving_certificate.h"

#include <gtest/gtest.h>

#include "async/deadline.h"
#include "async/loop.h"
#include "async/task_group.h"
#include "base/strings.h"
#include "kube/testing/fake_client.h"
#include "pki/request.h"

namespace slipway::kubelet {
namespace {

using namespace std::chrono_literals;

/// An API with a signer that a person drives.
struct Cluster {
  Cluster() : client(clock) {
    pki::CertificateTemplate wanted;
    wanted.common_name = "cluster";
    wanted.not_before = clock.now() - 1h;
    ca = pki::createCa(wanted, pki::KeyType::EcP256).value();
  }
  Task<kube::Object> nextRequest(size_t count) {
    while (client.all(kube::kCertificateSigningRequests).size() < count) co_await async::sleepFor(1ms);
    for (kube::Object& each : client.all(kube::kCertificateSigningRequests)) {
      if (!each.contains("status") || kube::child(each, {"status"}).empty()) co_return each;
    }
    co_return kube::Object();
  }
  void sign(kube::Object request, std::chrono::seconds life) {
    const std::string pem = base64Decode(kube::text(request, {"spec", "request"})).value();
    parsed.push_back(pki::parseRequest(pem).value());
    pki::CertificateTemplate rules;
    rules.not_before = clock.now() - 1h;
    rules.lifetime = std::chrono::seconds(3600) + life;
    rules.server_usage = true;
    const std::string certificate = pki::signRequest(ca, pem, rules).value();
    kube::ensure(request, {"status"})["certificate"] = base64Encode(certificate);
    client.put(kube::kCertificateSigningRequests, std::move(request));
  }

  SystemClock clock;
  SystemRandom random;
  kube::testing::FakeClient client;
  pki::Identity ca;
  std::vector<pki::CertificateRequest> parsed;
  std::vector<pki::Identity> used;
};

ServingCertificate certificateOf(Cluster& c, bool approve = false) {
  ServingCertificateOptions options;
  options.address = "10.1.2.3";
  options.approve = approve;
  options.look_every = 1ms;
  options.ask_again = 5ms;
  const auto use = [&c](const std::string& certificate, const std::string& key) -> Status {
    c.used.push_back({certificate, key});
    return pki::checkKeyMatches(certificate, key);
  };
  return {c.client, c.clock, c.random, options, use};
}

Task<void> asksAndUses() {
  Cluster c;
  ServingCertificate certificate = certificateOf(c);
  const Executor executor = co_await async::thisExecutor();
  async::TaskGroup group(executor);
  group.spawn("certificate", certificate.run());
  kube::Object request = co_await c.nextRequest(1);
  EXPECT_EQ(kube::text(request, {"spec", "signerName"}), "kubernetes.io/kubelet-serving");
  EXPECT_TRUE(c.used.empty()) << "not before it is signed";
  c.sign(std::move(request), 3600s);
  while (c.used.empty()) co_await async::sleepFor(1ms);
  EXPECT_EQ(c.parsed[0].ips, std::vector<std::string>{"10.1.2.3"});
  EXPECT_EQ(c.parsed[0].organizations, std::vector<std::string>{"system:nodes"});
  EXPECT_TRUE(c.parsed[0].common_name.starts_with("system:node:"));
  EXPECT_TRUE(pki::verifyIssuedBy(c.used[0].certificate, c.ca.certificate, c.clock.now()));
  co_await group.stop();
}
TEST(ServingCertificate, IsAskedForAndPutToUseWhenItIsSigned) {
  async::runToEnd(asksAndUses());
}

Task<void> denied() {
  Cluster c;
  ServingCertificate certificate = certificateOf(c);
  const Executor executor = co_await async::thisExecutor();
  async::TaskGroup group(executor);
  group.spawn("certificate", certificate.run());
  kube::Object request = co_await c.nextRequest(1);
  kube::ensure(request, {"status"})["conditions"] =
      kube::json::array{kube::Object{{"type", "Denied"}, {"status", "True"}, {"message", "who are you"}}};
  c.client.put(kube::kCertificateSigningRequests, std::move(request));
  kube::Object again = co_await c.nextRequest(2);
  EXPECT_TRUE(c.used.empty());
  c.sign(std::move(again), 3600s);
  while (c.used.empty()) co_await async::sleepFor(1ms);
  co_await group.stop();
}
TEST(ServingCertificate, DenialLeavesTheOldOneAndIsNotTheEnd) {
  async::runToEnd(denied());
}

Task<void> approvesItself() {
  Cluster c;
  ServingCertificate certificate = certificateOf(c, true);
  const Executor executor = co_await async::thisExecutor();
  async::TaskGroup group(executor);
  group.spawn("certificate", certificate.run());
  while (c.client.count("update", "certificatesigningrequests") == 0) co_await async::sleepFor(1ms);
  co_await group.stop();
}
TEST(ServingCertificate, ApprovesItsOwnRequestWhereItIsToldTo) {
  async::runToEnd(approvesItself());
}

}  // namespace
}  // namespace slipway::kubelet
