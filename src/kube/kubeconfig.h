#pragma once

#include <filesystem>
#include <string>

#include "base/result.h"

namespace slipway::kube {

/// Where an API server is and as whom to speak to it. All certificates and keys are PEM texts.
struct ClusterAccess {
  std::string server;       ///< "https://10.0.0.1:6443", perhaps with a path
  std::string server_name;  ///< in place of the host for SNI and the certificate's check
  std::string ca;           ///< empty: the system's store
  bool insecure = false;    ///< the server's certificate is not checked
  std::string certificate;  ///< client certificate, with `key`
  std::string key;
  std::string token;
  std::filesystem::path token_file;  ///< read again as it rotates; wins over `token`
  std::string user;                  ///< HTTP basic, with `password`
  std::string password;
  std::string proxy_url;
  std::string ns = "default";  ///< of the context
};

/// A kubeconfig's current context, or the one named. Relative file names are relative to the kubeconfig. Credential
/// plugins (exec, auth-provider) are refused with a sentence that says what to use in their place.
Result<ClusterAccess> loadKubeconfig(const std::filesystem::path& file, const std::string& context = "");
Result<ClusterAccess> parseKubeconfig(const std::string& yaml, const std::filesystem::path& directory,
                                      const std::string& context = "");

/// The service account of a pod. `host` and `port` are KUBERNETES_SERVICE_HOST and _PORT.
Result<ClusterAccess> inClusterAccess(
    const std::string& host, const std::string& port,
    const std::filesystem::path& directory = "/var/run/secrets/kubernetes.io/serviceaccount");

}  // namespace slipway::kube
