#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "pki/key.h"

namespace slipway::pki {

/// What a certificate to be made says.
struct CertificateTemplate {
  std::string common_name;
  std::vector<std::string> organizations;  ///< Kubernetes reads them as groups
  std::vector<std::string> dns_names;
  std::vector<std::string> ips;  ///< textual
  bool server_usage = false;
  bool client_usage = false;
  WallTime not_before;
  int days = 365;
  std::chrono::seconds lifetime{0};  ///< in place of `days` when not zero
};

/// A certificate (with its chain, if there is one) and its key, both PEM.
struct Identity {
  std::string certificate;
  std::string key;
};

/// A self-signed CA that signs leaves only. Names and usages of the template are taken over; no usage: no restriction.
Result<Identity> createCa(const CertificateTemplate& wanted, KeyType type);
/// A new key and a leaf certificate for it. Invalid names the field that cannot be encoded.
Result<Identity> issue(const Identity& ca, const CertificateTemplate& wanted, KeyType type);
/// A certificate for a key that exists: renewal without a new key, or a signing request. PEM.
Result<std::string> issueFor(const Identity& ca, const CertificateTemplate& wanted, const PublicKey& key);

/// What a certificate that exists says.
struct Certificate {
  std::string common_name;
  std::vector<std::string> organizations;
  std::vector<std::string> dns_names;
  std::vector<std::string> ips;
  std::string issuer;  ///< common name
  std::string serial;  ///< hexadecimal
  WallTime not_before;
  WallTime not_after;
  bool is_ca = false;
  bool server_usage = false;  ///< may be used so; true as well without any restriction
  bool client_usage = false;
  std::string fingerprint;  ///< SHA-256, lower-case hexadecimal
  std::string pem;
};

/// The first certificate of a PEM text.
Result<Certificate> parseCertificate(std::string_view pem);
/// All of them, in order; at least one.
Result<std::vector<Certificate>> parseCertificates(std::string_view pem);
/// Whether the first certificate of `certificate` belongs to `key`; Invalid when not.
Status checkKeyMatches(std::string_view certificate, std::string_view key);
/// Whether the certificate is signed by one of `ca` and is valid at `now`; the error says which rule failed.
Status verifyIssuedBy(std::string_view certificate, std::string_view ca, WallTime now);

}  // namespace slipway::pki
