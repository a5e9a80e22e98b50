#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "pki/certificate.h"

namespace slipway::pki {

/// A certificate signing request, its signature checked.
struct CertificateRequest {
  std::string common_name;
  std::vector<std::string> organizations;
  std::vector<std::string> dns_names;
  std::vector<std::string> ips;
  std::vector<std::string> other_names;  ///< e-mail and URI names, "email:..." or "URI:..."
  PublicKey key;
};

/// PEM of a request for names; usages and times of the template are not part of a request.
Result<std::string> createRequest(const CertificateTemplate& wanted, const PrivateKey& key);
Result<CertificateRequest> parseRequest(std::string_view pem);
/// A certificate with the request's names and key, and the usages and times of `rules` (whose names are not used).
Result<std::string> signRequest(const Identity& ca, std::string_view request, CertificateTemplate rules);

}  // namespace slipway::pki
