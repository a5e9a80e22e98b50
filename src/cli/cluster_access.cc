#include "cli/cluster_access.h"

#include "cli/places.h"

namespace slipway::cli {

Result<kube::ClusterAccess> clusterAccess(const std::string& kubeconfig) {
  if (!kubeconfig.empty()) return kube::loadKubeconfig(kubeconfig);
  if (const std::string file = environment("KUBECONFIG"); !file.empty()) return kube::loadKubeconfig(file);
  const std::string host = environment("KUBERNETES_SERVICE_HOST");
  if (!host.empty()) return kube::inClusterAccess(host, environment("KUBERNETES_SERVICE_PORT"));
  return kube::loadKubeconfig(environment("HOME") + "/.kube/config");
}

}  // namespace slipway::cli
