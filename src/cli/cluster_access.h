#pragma once

#include <string>

#include "kube/kubeconfig.h"

namespace slipway::cli {

/// How to reach the API server: the file given, KUBECONFIG, the in-cluster service account, or ~/.kube/config.
Result<kube::ClusterAccess> clusterAccess(const std::string& kubeconfig);

}  // namespace slipway::cli
