#include "net/tls.h"

#include <gtest/gtest.h>

#include "async/deadline.h"
#include "async/loop.h"
#include "net/tcp.h"
#include "pki/certificate.h"

namespace slipway::net {
namespace {

using pki::CertificateTemplate;
using pki::Identity;
using pki::KeyType;
using ClientCertificates = TlsOptions::ClientCertificates;

WallTime yesterday() {
  return std::chrono::system_clock::now() - std::chrono::hours(24);
}

struct Site {
  Identity ca;
  Identity server;
  Identity client;
};

Site makeSite(KeyType type = KeyType::Ed25519, int server_days = 30) {
  Site site;
  site.ca = pki::createCa({.common_name = "CA", .not_before = yesterday(), .days = 30}, type).value();
  const CertificateTemplate server{.common_name = "server",
                                   .dns_names = {"site.example"},
                                   .ips = {"127.0.0.1", "::1"},
                                   .server_usage = true,
                                   .not_before = yesterday() - std::chrono::hours(24 * 10),
                                   .days = server_days};
  site.server = pki::issue(site.ca, server, type).value();
  const CertificateTemplate client{.common_name = "system:node:n1",
                                   .organizations = {"system:nodes"},
                                   .client_usage = true,
                                   .not_before = yesterday(),
                                   .days = 30};
  site.client = pki::issue(site.ca, client, type).value();
  return site;
}

struct Sides {
  TlsOptions server;
  TlsOptions client;
};

Sides sidesOf(const Site& site) {
  Sides sides;
  sides.server = {.certificate = site.server.certificate, .key = site.server.key, .ca = site.ca.certificate};
  sides.client = {.certificate = site.client.certificate, .key = site.client.key, .ca = site.ca.certificate};
  return sides;
}

struct Outcome {
  Result<StreamPtr> server = failure(Code::InternalError, "not run");
  Result<StreamPtr> client = failure(Code::InternalError, "not run");
};

Task<void> acceptInto(std::shared_ptr<TlsContext> context, StreamPtr stream, Result<StreamPtr>& out) {
  out = co_await context->accept(std::move(stream));
}

Task<Outcome> shake(Sides sides, std::string name) {
  const Executor executor = co_await async::thisExecutor();
  auto [near, far] = streamPair(executor);
  auto server = TlsContext::server(sides.server);
  auto client = TlsContext::client(sides.client);
  EXPECT_TRUE(server.has_value()) << server.error().message;
  EXPECT_TRUE(client.has_value()) << client.error().message;
  Outcome outcome;
  async::TaskGroup group(executor);
  group.spawn("accept", acceptInto(*server, std::move(far), outcome.server));
  outcome.client = co_await (*client)->connect(std::move(near), name);
  co_await group.join();
  co_return outcome;
}

Task<std::string> readUpTo(ByteStream& stream, size_t size) {
  std::string out;
  std::vector<char> buffer(10000);
  while (out.size() < size) {
    const auto count = co_await stream.readSome(buffer);
    if (!count || *count == 0) break;
    out.append(buffer.data(), *count);
  }
  co_return out;
}

Task<void> readInto(ByteStream& stream, size_t size, std::string& out) {
  out = co_await readUpTo(stream, size);
}
Task<void> writeOut(ByteStream& stream, std::string bytes) {
  co_await stream.write(bytes);
}

Task<void> bothWaysAtOnce(KeyType type) {
  const Executor executor = co_await async::thisExecutor();
  Sides sides = sidesOf(makeSite(type));
  sides.server.client_certificates = ClientCertificates::Require;
  sides.server.only_tls13 = true;
  sides.server.alpn = {"h2"};
  sides.client.alpn = {"h2", "http/1.1"};
  Outcome outcome = co_await shake(sides, "site.example");
  EXPECT_TRUE(outcome.client.has_value()) << outcome.client.error().message;
  EXPECT_TRUE(outcome.server.has_value()) << outcome.server.error().message;
  ByteStream& client = **outcome.client;
  ByteStream& server = **outcome.server;
  EXPECT_EQ(server.peer().common_name, "system:node:n1");
  EXPECT_EQ(server.peer().organizations, std::vector<std::string>{"system:nodes"});
  EXPECT_EQ(server.peer().server_name, "site.example");
  EXPECT_EQ(server.peer().protocol, "h2");
  EXPECT_EQ(server.peer().fingerprint.size(), 64U);
  EXPECT_EQ(client.peer().common_name, "server");
  EXPECT_EQ(client.peer().protocol, "h2");

  const std::string up(3 << 20, 'u');
  const std::string down(3 << 20, 'd');
  std::string got_up;
  std::string got_down;
  async::TaskGroup group(executor);
  group.spawn("up", writeOut(client, up));
  group.spawn("down", writeOut(server, down));
  group.spawn("read up", readInto(server, up.size(), got_up));
  group.spawn("read down", readInto(client, down.size(), got_down));
  co_await group.join();
  EXPECT_TRUE(got_up == up);
  EXPECT_TRUE(got_down == down);

  co_await client.shutdownWrite();
  std::array<char, 10> buffer;
  const auto end = co_await server.readSome(buffer);
  EXPECT_EQ(end.value(), 0U);
  co_await server.write("still");
  const std::string late = co_await readUpTo(client, 5);
  EXPECT_EQ(late, "still");
}

TEST(Tls, CarriesBytesBothWaysAtOnceForEveryKindOfKey) {
  for (const KeyType type : {KeyType::Ed25519, KeyType::EcP256, KeyType::Rsa2048}) {
    async::runToEnd(bothWaysAtOnce(type));
  }
}

std::string clientError(Sides sides, std::string name) {
  const Outcome outcome = async::runToEnd(shake(std::move(sides), std::move(name)));
  return outcome.client ? "none" : outcome.client.error().message;
}

TEST(Tls, IpAddressesAreCheckedAgainstIpNames) {
  const Site site = makeSite();
  EXPECT_EQ(clientError(sidesOf(site), "127.0.0.1"), "none");
  EXPECT_EQ(clientError(sidesOf(site), "::1"), "none");
  EXPECT_EQ(clientError(sidesOf(site), "127.0.0.2"),
            "127.0.0.2: certificate \"server\": it is for site.example, 127.0.0.1, ::1, not for 127.0.0.2");
}

TEST(Tls, ErrorsSayWhichRuleFailed) {
  const Site site = makeSite();
  EXPECT_EQ(clientError(sidesOf(site), "other.example"),
            "other.example: certificate \"server\": it is for site.example, 127.0.0.1, ::1, not for other.example");
  EXPECT_EQ(clientError(sidesOf(makeSite(KeyType::Ed25519, 2)), "site.example"),
            "site.example: certificate \"server\": it has expired");
  Sides other = sidesOf(site);
  other.client.ca = makeSite().ca.certificate;
  EXPECT_NE(clientError(other, "site.example").find("signed by an unknown authority"), std::string::npos);
  other.client.insecure_skip_verify = true;
  EXPECT_EQ(clientError(other, "other.example"), "none");
}

TEST(Tls, ServerRefusesClientsWithoutOrWithAForeignCertificate) {
  Sides sides = sidesOf(makeSite());
  sides.server.client_certificates = ClientCertificates::Require;
  Sides anonymous = sides;
  anonymous.client.certificate.clear();
  Outcome outcome = async::runToEnd(shake(anonymous, "site.example"));
  ASSERT_FALSE(outcome.server.has_value());
  EXPECT_NE(outcome.server.error().message.find("peer did not return a certificate"), std::string::npos)
      << outcome.server.error().message;
  Sides foreign = sides;
  const Site other = makeSite();
  foreign.client.certificate = other.client.certificate;
  foreign.client.key = other.client.key;
  outcome = async::runToEnd(shake(foreign, "site.example"));
  ASSERT_FALSE(outcome.server.has_value());
  EXPECT_TRUE(outcome.server.error().is(Code::Unauthorized)) << outcome.server.error().message;
}

TEST(Tls, RequestedCertificateMayBeMissing) {
  Sides sides = sidesOf(makeSite());
  sides.server.client_certificates = ClientCertificates::Request;
  sides.client.certificate.clear();
  const Outcome outcome = async::runToEnd(shake(sides, "site.example"));
  ASSERT_TRUE(outcome.server.has_value());
  EXPECT_EQ((*outcome.server)->peer().common_name, "");
}

TEST(Tls, MissingCommonProtocolIsRefusedWhenRequired) {
  Sides sides = sidesOf(makeSite());
  sides.client.alpn = {"http/1.1"};
  sides.server.alpn = {"h2"};
  EXPECT_EQ(clientError(sides, "site.example"), "none");
  sides.server.require_alpn = true;
  EXPECT_NE(clientError(sides, "site.example"), "none");
  sides.client.alpn.clear();
  const Outcome outcome = async::runToEnd(shake(sides, "site.example"));
  EXPECT_NE(outcome.server.error().message.find("ALPN"), std::string::npos) << outcome.server.error().message;
}

TEST(Tls, BadPemIsNamed) {
  const Site site = makeSite();
  TlsOptions options = sidesOf(site).server;
  options.key = site.client.key;
  EXPECT_NE(TlsContext::server(options).error().message.find("own key"), std::string::npos);
  options.certificate = "x";
  EXPECT_NE(TlsContext::server(options).error().message.find("own certificate"), std::string::npos);
  EXPECT_NE(TlsContext::client({.ca = "x"}).error().message.find("CA certificate"), std::string::npos);
  EXPECT_FALSE(TlsContext::server({}).has_value());
}

// A client that offers TLS 1.2 and no more: the first flight of a real one.
std::string tls12ClientHello() {
  std::string body = std::string("\x03\x03", 2) + std::string(32, 'r') + std::string(1, '\0');
  body += std::string("\x00\x02\xc0\x2b", 4) + std::string("\x01\x00", 2);
  const std::string extensions(
      "\x00\x0a\x00\x04\x00\x02\x00\x17\x00\x0b\x00\x02\x01\x00\x00\x0d\x00\x04\x00\x02\x04\x03", 22);
  body += std::string("\x00", 1) + static_cast<char>(extensions.size()) + extensions;
  const std::string hello = std::string("\x01\x00\x00", 3) + static_cast<char>(body.size()) + body;
  return std::string("\x16\x03\x01\x00", 4) + static_cast<char>(hello.size()) + hello;
}

Task<Error> acceptsTls12(bool only_tls13) {
  const Executor executor = co_await async::thisExecutor();
  auto [near, far] = streamPair(executor);
  TlsOptions options = sidesOf(makeSite(KeyType::EcP256)).server;
  options.only_tls13 = only_tls13;
  co_await near->write(tls12ClientHello());
  co_await near->shutdownWrite();
  const auto context = TlsContext::server(options).value();
  const auto accepted = co_await context->accept(std::move(far));
  co_return accepted.error();
}

TEST(Tls, OldVersionIsRefusedWhereOnly13IsAllowed) {
  const Error refused = async::runToEnd(acceptsTls12(true));
  EXPECT_NE(refused.message.find("unsupported protocol"), std::string::npos) << refused.message;
  const Error went_on = async::runToEnd(acceptsTls12(false));
  EXPECT_NE(went_on.message.find("closed the connection"), std::string::npos) << went_on.message;
}

TEST(Tls, GarbageEndsTheHandshake) {
  const auto run = []() -> Task<Error> {
    const Executor executor = co_await async::thisExecutor();
    auto [near, far] = streamPair(executor);
    co_await near->write("GET / HTTP/1.1\r\n\r\n");
    const auto context = TlsContext::server(sidesOf(makeSite()).server).value();
    const auto accepted = co_await context->accept(std::move(far));
    co_return accepted.error();
  };
  EXPECT_NE(async::runToEnd(run()).message.find("http request"), std::string::npos);
}

}  // namespace
}  // namespace slipway::net
