#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/clock.h"
#include "pki/certificate.h"
#include "pki/key.h"

namespace slipway::apiserver {

/// The keys and certificates of the control plane, as files in one directory: made on the first start, renewed when
/// they are about to expire or when the server got another name.
class ClusterPki {
 public:
  /// Errors name the file.
  static Result<ClusterPki> open(const std::filesystem::path& directory, const std::vector<std::string>& server_names,
                                 WallTime now);

  const pki::Identity& ca() const { return ca_; }
  const pki::Identity& server() const { return server_; }
  const pki::Identity& admin() const { return admin_; }
  const pki::Identity& kubeletClient() const { return kubelet_client_; }
  const pki::PrivateKey& serviceAccountKey() const { return *service_account_key_; }

  /// A client certificate for a component: "system:kube-scheduler".
  Result<pki::Identity> issueClient(const std::string& name, const std::vector<std::string>& groups,
                                    WallTime now) const;

 private:
  pki::Identity ca_;
  pki::Identity server_;
  pki::Identity admin_;
  pki::Identity kubelet_client_;
  std::optional<pki::PrivateKey> service_account_key_;
};

/// A kubeconfig with everything in it.
std::string kubeconfigText(const std::string& server, const std::string& ca, const pki::Identity& client);

}  // namespace slipway::apiserver
