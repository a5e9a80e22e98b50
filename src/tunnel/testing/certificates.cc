#include "tunnel/testing/certificates.h"

#include "pki/certificate.h"

namespace slipway::tunnel::testing {
namespace {

net::TlsOptions options(const pki::Identity& own, const pki::Identity& ca) {
  net::TlsOptions options{.certificate = own.certificate, .key = own.key, .ca = ca.certificate};
  options.client_certificates = net::TlsOptions::ClientCertificates::Require;
  options.only_tls13 = true;
  options.alpn = {"h2"};
  options.require_alpn = true;
  return options;
}

}  // namespace

TlsSides makeTlsSides() {
  const WallTime from = std::chrono::system_clock::now() - std::chrono::hours(1);
  const auto ca = pki::createCa({.common_name = "CA", .not_before = from, .days = 2}, pki::KeyType::Ed25519).value();
  const pki::CertificateTemplate server{
      .common_name = "controller", .dns_names = {"site.example"}, .server_usage = true, .not_before = from, .days = 2};
  const pki::CertificateTemplate client{.common_name = "lumi", .client_usage = true, .not_before = from, .days = 2};
  return {.server = options(pki::issue(ca, server, pki::KeyType::Ed25519).value(), ca),
          .client = options(pki::issue(ca, client, pki::KeyType::Ed25519).value(), ca)};
}

}  // namespace slipway::tunnel::testing
