#pragma once

#include "pod/references.h"

namespace slipway::pod {

/// Credentials of spec.imagePullSecrets (kubernetes.io/dockerconfigjson and dockercfg). A missing or unreadable secret
/// is passed over, as kubelet does: the pull says what is missing.
Task<Status> addRegistryAuth(const kube::Object& pod, References& references, site::v1::PodPlan& plan);

}  // namespace slipway::pod
