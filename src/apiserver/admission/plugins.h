#pragma once

#include <memory>

#include "apiserver/admission/chain.h"
#include "apiserver/auth/authorizer.h"

namespace slipway::apiserver {

/// Nothing is created in a namespace that is not there or is being deleted; system namespaces stay.
std::unique_ptr<Admission> namespaceLifecycle(Store& store);
/// A pod runs as a service account that exists, and gets its token as a volume.
std::unique_ptr<Admission> serviceAccountAdmission(Store& store, Random& random);
/// A pod's priority is that of its class.
std::unique_ptr<Admission> priorityAdmission(Store& store);
/// Pods stay five minutes on a node that is lost.
std::unique_ptr<Admission> defaultTolerations();
/// A pod's overhead and scheduling as its RuntimeClass has them.
std::unique_ptr<Admission> runtimeClassAdmission(Store& store);
/// A kubelet writes its own node and the pods on it, and nothing else.
std::unique_ptr<Admission> nodeRestriction();
/// Claims without a class get the default one.
std::unique_ptr<Admission> defaultStorageClass(Store& store);

/// Nobody grants what they do not have.
std::unique_ptr<Admission> rbacEscalation(Authorizer& authorizer);
/// A Service has cluster IPs and node ports.
std::unique_ptr<Admission> serviceAddresses(Store& store, Random& random);

/// All of them in upstream's order.
std::unique_ptr<AdmissionChain> defaultAdmission(Store& store, Authorizer& authorizer, Random& random);

}  // namespace slipway::apiserver
