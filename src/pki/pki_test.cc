#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "pki/certificate.h"
#include "pki/jwt.h"
#include "pki/request.h"

namespace slipway::pki {
namespace {

const WallTime kNow = parseTime("2026-03-01T00:00:00Z").value();

CertificateTemplate caTemplate() {
  return {.common_name = "Test CA", .server_usage = true, .client_usage = true, .not_before = kNow, .days = 3650};
}

Identity testCa(KeyType type = KeyType::Ed25519) {
  return createCa(caTemplate(), type).value();
}

CertificateTemplate serverTemplate() {
  return {.common_name = "server",
          .organizations = {"system:nodes", "Ö & Söhne"},
          .dns_names = {"a.example.org", "b"},
          .ips = {"127.0.0.1", "::1"},
          .server_usage = true,
          .not_before = kNow,
          .days = 30};
}

TEST(Certificate, CaSaysThatItIsOne) {
  const Certificate ca = parseCertificate(testCa().certificate).value();
  EXPECT_TRUE(ca.is_ca);
  EXPECT_EQ(ca.common_name, "Test CA");
  EXPECT_EQ(ca.issuer, "Test CA");
  EXPECT_TRUE(ca.server_usage && ca.client_usage);
  EXPECT_EQ(ca.serial.size(), 32U);
}

TEST(Certificate, LeafCarriesEverythingOfTheTemplate) {
  const Identity ca = testCa();
  for (const KeyType type : {KeyType::Ed25519, KeyType::EcP256, KeyType::Rsa2048}) {
    const Identity leaf = issue(ca, serverTemplate(), type).value();
    const Certificate seen = parseCertificate(leaf.certificate).value();
    EXPECT_EQ(seen.common_name, "server");
    EXPECT_EQ(seen.organizations, serverTemplate().organizations);
    EXPECT_EQ(seen.dns_names, serverTemplate().dns_names);
    EXPECT_EQ(seen.ips, serverTemplate().ips);
    EXPECT_EQ(seen.issuer, "Test CA");
    EXPECT_EQ(seen.not_before, kNow);
    EXPECT_EQ(seen.not_after, kNow + std::chrono::hours(24 * 30));
    EXPECT_FALSE(seen.is_ca);
    EXPECT_TRUE(seen.server_usage);
    EXPECT_FALSE(seen.client_usage);
    EXPECT_EQ(seen.fingerprint.size(), 64U);
    EXPECT_TRUE(checkKeyMatches(leaf.certificate, leaf.key).has_value());
    EXPECT_EQ(PrivateKey::parse(leaf.key).value().type(), type);
    EXPECT_TRUE(verifyIssuedBy(leaf.certificate, ca.certificate, kNow + std::chrono::hours(1)).has_value());
  }
}

TEST(Certificate, VerificationNamesTheRule) {
  const Identity ca = testCa();
  const Identity leaf = issue(ca, serverTemplate(), KeyType::Ed25519).value();
  const auto expired = verifyIssuedBy(leaf.certificate, ca.certificate, kNow + std::chrono::hours(24 * 31));
  EXPECT_NE(expired.error().message.find("expired"), std::string::npos) << expired.error().message;
  const auto unknown = verifyIssuedBy(leaf.certificate, testCa().certificate, kNow + std::chrono::hours(1));
  ASSERT_FALSE(unknown.has_value());
}

TEST(Certificate, BadInputIsAnErrorThatNamesIt) {
  const Identity ca = testCa();
  CertificateTemplate wanted = serverTemplate();
  wanted.ips = {"300.1.1.1"};
  EXPECT_EQ(issue(ca, wanted, KeyType::Ed25519).error().message.substr(0, 32), "\"300.1.1.1\" is not an IP address");
  wanted = serverTemplate();
  wanted.days = 0;
  EXPECT_TRUE(issue(ca, wanted, KeyType::Ed25519).error().is(Code::Invalid));
  const Identity mixed{ca.certificate, testCa().key};
  EXPECT_TRUE(issue(mixed, serverTemplate(), KeyType::Ed25519).error().is(Code::Invalid));
  EXPECT_TRUE(checkKeyMatches(ca.certificate, testCa().key).error().is(Code::Invalid));
  EXPECT_FALSE(parseCertificate("no PEM").has_value());
  EXPECT_FALSE(PrivateKey::parse("").has_value());
}

TEST(Certificate, BundlesAreReadInOrder) {
  const std::string two = testCa().certificate + "text between\n" + testCa(KeyType::EcP256).certificate;
  EXPECT_EQ(parseCertificates(two).value().size(), 2U);
  EXPECT_FALSE(parseCertificates("").has_value());
}

TEST(Certificate, RenewalKeepsTheKey) {
  const Identity ca = testCa();
  const Identity leaf = issue(ca, serverTemplate(), KeyType::EcP256).value();
  const PrivateKey key = PrivateKey::parse(leaf.key).value();
  const std::string renewed = issueFor(ca, serverTemplate(), key.publicKey()).value();
  EXPECT_TRUE(checkKeyMatches(renewed, leaf.key).has_value());
  EXPECT_NE(renewed, leaf.certificate);
}

TEST(Request, CreatedParsedAndSigned) {
  for (const KeyType type : {KeyType::Ed25519, KeyType::EcP256, KeyType::Rsa2048}) {
    const PrivateKey key = PrivateKey::generate(type).value();
    const std::string pem = createRequest(serverTemplate(), key).value();
    const CertificateRequest request = parseRequest(pem).value();
    EXPECT_EQ(request.common_name, "server");
    EXPECT_EQ(request.organizations, serverTemplate().organizations);
    EXPECT_EQ(request.dns_names, serverTemplate().dns_names);
    EXPECT_EQ(request.ips, serverTemplate().ips);
    const CertificateTemplate rules{.client_usage = true, .not_before = kNow, .days = 1};
    const std::string certificate = signRequest(testCa(), pem, rules).value();
    EXPECT_TRUE(checkKeyMatches(certificate, key.pem()).has_value());
    EXPECT_TRUE(parseCertificate(certificate).value().client_usage);
  }
}

TEST(Request, ChangedRequestIsRefused) {
  const PrivateKey key = PrivateKey::generate(KeyType::Ed25519).value();
  std::string pem = createRequest(serverTemplate(), key).value();
  const size_t at = pem.size() / 2;
  pem[at] = pem[at] == 'A' ? 'B' : 'A';
  EXPECT_FALSE(parseRequest(pem).has_value());
}

TEST(Jwt, SignedTokensVerifyAndChangedOnesDoNot) {
  const boost::json::object claims{{"sub", "system:serviceaccount:default:x"}, {"exp", 1}};
  for (const KeyType type : {KeyType::EcP256, KeyType::Rsa2048}) {
    const PrivateKey key = PrivateKey::generate(type).value();
    const std::string token = signJwt(key, "k1", claims).value();
    const Jwt jwt = parseJwt(token).value();
    EXPECT_EQ(jwt.key_id, "k1");
    EXPECT_EQ(jwt.claims, claims);
    EXPECT_TRUE(verifyJwt(jwt, key.publicKey()).has_value());
    EXPECT_FALSE(verifyJwt(jwt, PrivateKey::generate(type).value().publicKey()).has_value());
    Jwt forged = jwt;
    forged.signature[5] = static_cast<char>(forged.signature[5] + 1);
    EXPECT_FALSE(verifyJwt(forged, key.publicKey()).has_value());
    forged = jwt;
    forged.algorithm = "none";
    EXPECT_FALSE(verifyJwt(forged, key.publicKey()).has_value());
  }
  EXPECT_FALSE(signJwt(PrivateKey::generate(KeyType::Ed25519).value(), "", claims).has_value());
}

TEST(Jwt, OtherTextsAreRefused) {
  for (const char* text : {"", "a.b", "a.b.c", "a.b.c.d", "e30.e30", "W10.e30.x", "e30.W10.x"}) {
    EXPECT_FALSE(parseJwt(text).has_value()) << text;
  }
}

TEST(Jwk, HoldsTheNumbers) {
  const PublicKey rsa = PrivateKey::generate(KeyType::Rsa2048).value().publicKey();
  const boost::json::object jwk = jwkOf(rsa, "k").value();
  EXPECT_EQ(jwk.at("e").as_string(), "AQAB");
  EXPECT_EQ(jwk.at("n").as_string().size(), 342U);
  const PublicKey ec = PrivateKey::generate(KeyType::EcP256).value().publicKey();
  EXPECT_EQ(jwkOf(ec, "k").value().at("x").as_string().size(), 43U);
  EXPECT_EQ(keyIdOf(ec).size(), 43U);
  EXPECT_EQ(PublicKey::parse(ec.pem()).value().type(), KeyType::EcP256);
}

}  // namespace
}  // namespace slipway::pki
