#include "config/issue.h"

namespace slipway::config {
namespace {

pki::CertificateTemplate named(std::string common_name, WallTime now, int64_t days) {
  pki::CertificateTemplate wanted;
  wanted.common_name = std::move(common_name);
  wanted.not_before = now;
  wanted.days = static_cast<int>(days);
  return wanted;
}

}  // namespace

Result<pki::Identity> createTunnelCa(WallTime now, int64_t days) {
  auto wanted = named("Slipway mTLS root CA", now, days);
  wanted.server_usage = true;
  wanted.client_usage = true;
  return pki::createCa(wanted, pki::KeyType::Ed25519);
}

Result<pki::Identity> issueServer(const pki::Identity& ca, const net::HostPort& endpoint, WallTime now, int64_t days) {
  auto wanted = named("Slipway mTLS server (controller)", now, days);
  wanted.server_usage = true;
  (endpoint.isIp() ? wanted.ips : wanted.dns_names).push_back(endpoint.host);
  return pki::issue(ca, wanted, pki::KeyType::Ed25519);
}

Result<pki::Identity> issueClient(const pki::Identity& ca, WallTime now, int64_t days) {
  auto wanted = named("Slipway mTLS client (agent)", now, days);
  wanted.client_usage = true;
  return pki::issue(ca, wanted, pki::KeyType::Ed25519);
}

}  // namespace slipway::config
