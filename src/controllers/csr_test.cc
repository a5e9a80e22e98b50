#include "base/strings.h"
#include "controllers/csr_controller.h"
#include "controllers/testing/world.h"

namespace slipway::controllers {
namespace {

using testing::until;
using testing::World;

const std::vector<std::string> kClientUsages = {"client auth", "digital signature"};
const std::vector<std::string> kServerUsages = {"digital signature", "key encipherment", "server auth"};

struct Asked {
  std::string signer = std::string(kKubeletClientSigner);
  std::string user = "system:node:n1";
  std::vector<std::string> groups = {"system:nodes", "system:authenticated"};
  std::vector<std::string> usages = kClientUsages;
  std::string common_name = "system:node:n1";
  std::vector<std::string> organizations = {"system:nodes"};
  std::vector<std::string> dns_names = {};
  std::vector<std::string> ips = {};

  kube::Object csr(const std::string& name = "c") const {
    pki::CertificateTemplate names;
    names.common_name = common_name;
    names.organizations = organizations;
    names.dns_names = dns_names;
    names.ips = ips;
    const auto key = pki::PrivateKey::generate(pki::KeyType::EcP256).value();
    const std::string pem = pki::createRequest(names, key).value();
    const auto list = [](const std::vector<std::string>& texts) {
      kube::json::array out;
      for (const std::string& text : texts) out.emplace_back(text);
      return out;
    };
    return {{"metadata", {{"name", name}}},
            {"spec",
             {{"request", base64Encode(pem)},
              {"signerName", signer},
              {"username", user},
              {"groups", list(groups)},
              {"usages", list(usages)},
              {"expirationSeconds", 3600}}}};
  }
  CsrVerdict verdict(const std::vector<std::string>& trusted = {}) const {
    return judge(CsrFacts::of(csr()).value(), trusted);
  }
  std::string broken() const {
    const Status status = checkSignerRules(CsrFacts::of(csr()).value());
    return status ? "" : status.error().message;
  }
};

TEST(CsrRules, ANodeRenewsItsOwnIdentity) {
  EXPECT_EQ(Asked().verdict(), CsrVerdict::Approve);
  EXPECT_EQ(Asked{.common_name = "system:node:n2"}.verdict(), CsrVerdict::ApproveIfMayBeNodeClient);
  EXPECT_EQ((Asked{.user = "boot", .groups = {"system:bootstrappers"}}.verdict()),
            CsrVerdict::ApproveIfMayBeNodeClient);
  EXPECT_EQ((Asked{.groups = {"system:authenticated"}}.verdict()), CsrVerdict::ApproveIfMayBeNodeClient);
}

TEST(CsrRules, WhatIsNoNodesRequestIsLeftToPeople) {
  EXPECT_EQ(Asked{.common_name = "jane"}.verdict(), CsrVerdict::LeaveToPeople);
  EXPECT_EQ(Asked{.common_name = "system:node:"}.verdict(), CsrVerdict::LeaveToPeople);
  EXPECT_EQ((Asked{.organizations = {"system:nodes", "system:masters"}}.verdict()), CsrVerdict::LeaveToPeople);
  EXPECT_EQ((Asked{.usages = {"client auth", "server auth"}}.verdict()), CsrVerdict::LeaveToPeople);
  EXPECT_EQ((Asked{.dns_names = {"n1"}}.verdict()), CsrVerdict::LeaveToPeople);
  EXPECT_EQ(Asked{.signer = std::string(kClientSigner)}.verdict(), CsrVerdict::LeaveToPeople);
}

TEST(CsrRules, ServingCertificatesAreForTheNodesOwnAddresses) {
  Asked asked{.signer = std::string(kKubeletServingSigner), .usages = kServerUsages, .ips = {"10.0.0.1"}};
  EXPECT_EQ(asked.verdict(), CsrVerdict::ApproveIfAddressesAreNodes);
  const kube::Object node =
      kube::json::parse(
          R"({"metadata":{"name":"n1"},"status":{"addresses":[{"type":"InternalIP","address":"10.0.0.1"}]}})")
          .as_object();
  EXPECT_TRUE(checkNodeAddresses(CsrFacts::of(asked.csr()).value(), node));
  asked.dns_names = {"kubernetes.default"};
  EXPECT_FALSE(checkNodeAddresses(CsrFacts::of(asked.csr()).value(), node));
  asked.user = "system:serviceaccount:slipway-system:controller";
  EXPECT_EQ(asked.verdict(), CsrVerdict::LeaveToPeople);
  EXPECT_EQ(asked.verdict({asked.user}), CsrVerdict::Approve);
  asked.dns_names = {};
  asked.ips = {};
  EXPECT_EQ(asked.broken(), "at least one DNS name or IP address is required");
}

TEST(CsrRules, NobodyBecomesMaster) {
  const Asked asked{.signer = std::string(kClientSigner), .common_name = "jane", .organizations = {"system:masters"}};
  EXPECT_EQ(asked.broken(), "use of the group system:masters in a signed certificate is not allowed");
}

Task<void> control(World* world, CsrOptions options) {
  const Executor executor = co_await async::thisExecutor();
  CsrController controller(executor, world->client, world->random, world->clock, std::move(options));
  co_await controller.run();
}

CsrOptions withCa(const World& world) {
  pki::CertificateTemplate names;
  names.common_name = "test-ca";
  names.not_before = world.clock.now() - std::chrono::hours(1);
  CsrOptions options;
  options.ca = pki::createCa(names, pki::KeyType::EcP256).value();
  return options;
}

std::string certificateOf(const World& world) {
  const auto csr = world.client.object(kube::kCertificateSigningRequests, "", "c");
  return csr ? base64Decode(kube::text(*csr, {"status", "certificate"})).value() : "";
}

TEST(CsrController, ApprovesSignsAndKeepsToTheTimeAskedFor) {
  World world;
  world.client.put(kube::kCertificateSigningRequests, Asked().csr());
  world.run(tasksOf(task("csr", control(&world, withCa(world)))),
            until([&] { return !certificateOf(world).empty(); }, "certificate"));
  const pki::Certificate made = pki::parseCertificate(certificateOf(world)).value();
  EXPECT_EQ(made.common_name, "system:node:n1");
  EXPECT_EQ(made.organizations, std::vector<std::string>{"system:nodes"});
  EXPECT_TRUE(made.client_usage);
  EXPECT_FALSE(made.server_usage);
  EXPECT_EQ(made.not_after, world.clock.now() + std::chrono::hours(1));
}

bool failed(const World& world) {
  const auto csr = world.client.object(kube::kCertificateSigningRequests, "", "c");
  return csr && csrCondition(*csr, "Failed") != nullptr;
}

TEST(CsrController, AnApprovedRequestThatBreaksTheRulesFails) {
  World world;
  Asked asked{.signer = std::string(kClientSigner), .common_name = "jane", .organizations = {"system:masters"}};
  kube::Object csr = asked.csr();
  csr["status"] = {{"conditions", {{{"type", "Approved"}, {"status", "True"}}}}};
  world.client.put(kube::kCertificateSigningRequests, csr);
  world.run(tasksOf(task("csr", control(&world, withCa(world)))), until([&] { return failed(world); }, "Failed"));
  EXPECT_EQ(certificateOf(world), "");
}

TEST(CsrController, OldRequestsAreClearedAway) {
  World world;
  kube::Object csr = Asked{.signer = "example.com/signer"}.csr();
  csr["metadata"].as_object()["creationTimestamp"] = "2025-12-30T23:00:00Z";
  world.client.put(kube::kCertificateSigningRequests, csr);
  world.run(tasksOf(task("csr", control(&world, {}))),
            until([&] { return !world.has(kube::kCertificateSigningRequests, "", "c"); }, "deleted"));
}

}  // namespace
}  // namespace slipway::controllers
