#include "apiserver/cluster_pki.h"

#include "base/files.h"
#include "base/strings.h"
#include "net/tcp.h"

namespace slipway::apiserver {
namespace {

constexpr auto kRenewBefore = std::chrono::hours(24 * 30);
constexpr int kCaDays = 3650;
constexpr int kLeafDays = 365;

bool isIp(const std::string& name) {
  return net::HostPort{name, 1}.isIp();
}

pki::CertificateTemplate clientTemplate(const std::string& name, const std::vector<std::string>& groups, WallTime now) {
  pki::CertificateTemplate wanted;
  wanted.common_name = name;
  wanted.organizations = groups;
  wanted.client_usage = true;
  wanted.not_before = now - std::chrono::minutes(5);
  wanted.days = kLeafDays;
  return wanted;
}

pki::CertificateTemplate serverTemplate(const std::vector<std::string>& names, WallTime now) {
  pki::CertificateTemplate wanted;
  wanted.common_name = "kube-apiserver";
  wanted.server_usage = true;
  wanted.not_before = now - std::chrono::minutes(5);
  wanted.days = kLeafDays;
  for (const std::string& name : names) (isIp(name) ? wanted.ips : wanted.dns_names).push_back(name);
  return wanted;
}

Result<std::optional<pki::Identity>> readIdentity(const std::filesystem::path& directory, const std::string& name) {
  const auto certificate_path = directory / (name + ".crt");
  if (!std::filesystem::exists(certificate_path)) return std::nullopt;
  pki::Identity identity;
  TRY(identity.certificate, readFile(certificate_path));
  TRY(identity.key, readFile(directory / (name + ".key")));
  return identity;
}

Status writeIdentity(const std::filesystem::path& directory, const std::string& name, const pki::Identity& identity) {
  TRY_STATUS(writeFileAtomic(directory / (name + ".key"), identity.key, 0600));
  return writeFileAtomic(directory / (name + ".crt"), identity.certificate, 0644);
}

bool holdsAll(const std::vector<std::string>& have, const std::vector<std::string>& wanted) {
  return std::all_of(wanted.begin(), wanted.end(),
                     [&](const std::string& name) { return std::find(have.begin(), have.end(), name) != have.end(); });
}

bool stillGood(const pki::Identity& identity, const pki::CertificateTemplate& wanted, WallTime now) {
  const Result<pki::Certificate> certificate = pki::parseCertificate(identity.certificate);
  return certificate && certificate->not_after > now + kRenewBefore && certificate->common_name == wanted.common_name &&
         holdsAll(certificate->dns_names, wanted.dns_names) && holdsAll(certificate->ips, wanted.ips);
}

Result<pki::Identity> readOrIssue(const std::filesystem::path& directory, const std::string& name,
                                  const pki::Identity& ca, const pki::CertificateTemplate& wanted, WallTime now) {
  TRY(std::optional<pki::Identity> known, readIdentity(directory, name));
  if (known && stillGood(*known, wanted, now)) return std::move(*known);
  TRY(pki::Identity fresh, pki::issue(ca, wanted, pki::KeyType::EcP256));
  TRY_STATUS(writeIdentity(directory, name, fresh));
  return fresh;
}

Result<pki::Identity> readOrCreateCa(const std::filesystem::path& directory, WallTime now) {
  TRY(std::optional<pki::Identity> known, readIdentity(directory, "ca"));
  if (known) return std::move(*known);
  pki::CertificateTemplate wanted;
  wanted.common_name = "kubernetes";
  wanted.not_before = now - std::chrono::minutes(5);
  wanted.days = kCaDays;
  TRY(pki::Identity ca, pki::createCa(wanted, pki::KeyType::EcP256));
  TRY_STATUS(writeIdentity(directory, "ca", ca));
  return ca;
}

Result<pki::PrivateKey> readOrCreateKey(const std::filesystem::path& path) {
  if (std::filesystem::exists(path)) {
    TRY(const std::string pem, readFile(path));
    return pki::PrivateKey::parse(pem);
  }
  TRY(pki::PrivateKey key, pki::PrivateKey::generate(pki::KeyType::EcP256));
  TRY_STATUS(writeFileAtomic(path, key.pem(), 0600));
  return key;
}

}  // namespace

Result<ClusterPki> ClusterPki::open(const std::filesystem::path& directory,
                                    const std::vector<std::string>& server_names, WallTime now) {
  TRY_STATUS(makeDirectories(directory, 0700));
  ClusterPki pki;
  TRY(pki.ca_, readOrCreateCa(directory, now));
  TRY(pki.server_, readOrIssue(directory, "apiserver", pki.ca_, serverTemplate(server_names, now), now));
  TRY(pki.admin_,
      readOrIssue(directory, "admin", pki.ca_, clientTemplate("kubernetes-admin", {"system:masters"}, now), now));
  TRY(pki.kubelet_client_, readOrIssue(directory, "apiserver-kubelet-client", pki.ca_,
                                       clientTemplate("kube-apiserver-kubelet-client", {"system:masters"}, now), now));
  TRY(pki.service_account_key_, readOrCreateKey(directory / "sa.key"));
  return pki;
}

Result<pki::Identity> ClusterPki::issueClient(const std::string& name, const std::vector<std::string>& groups,
                                              WallTime now) const {
  return pki::issue(ca_, clientTemplate(name, groups, now), pki::KeyType::EcP256);
}

std::string kubeconfigText(const std::string& server, const std::string& ca, const pki::Identity& client) {
  return fmt::format(
      "apiVersion: v1\n"
      "kind: Config\n"
      "clusters:\n"
      "- name: slipway\n"
      "  cluster:\n"
      "    server: {}\n"
      "    certificate-authority-data: {}\n"
      "users:\n"
      "- name: admin\n"
      "  user:\n"
      "    client-certificate-data: {}\n"
      "    client-key-data: {}\n"
      "contexts:\n"
      "- name: slipway\n"
      "  context:\n"
      "    cluster: slipway\n"
      "    user: admin\n"
      "current-context: slipway\n",
      server, base64Encode(ca), base64Encode(client.certificate), base64Encode(client.key));
}

}  // namespace slipway::apiserver
