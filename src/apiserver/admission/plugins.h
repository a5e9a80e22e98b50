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
std::unique_ptr<Admission> nodeRestriction(Store& store);
/// Pods meet the Pod Security Standard that the labels of their namespace name.
std::unique_ptr<Admission> podSecurity(Store& store, const Clock& clock);
/// Claims without a class get the default one.
std::unique_ptr<Admission> defaultStorageClass(Store& store);
/// The same for an Ingress.
std::unique_ptr<Admission> defaultIngressClass(Store& store);
/// A bound claim grows where its class allows it.
std::unique_ptr<Admission> claimGrowth(Store& store);

/// Nobody grants what they do not have.
std::unique_ptr<Admission> rbacEscalation(Authorizer& authorizer);
/// Signing requests are approved and signed by those who may do so for their signer.
std::unique_ptr<Admission> certificatesAdmission(Authorizer& authorizer);
/// A Service has cluster IPs and node ports.
std::unique_ptr<Admission> serviceAddresses(Store& store, Random& random);

/// Containers get a LimitRange's default amounts; what is below or above its bounds is refused.
std::unique_ptr<Admission> limitRanger(Store& store);
/// What a ResourceQuota does not allow any more is refused; what it allows is noted in it.
std::unique_ptr<Admission> resourceQuota(Registry& registry);

/// Webhooks of MutatingWebhookConfigurations change what they are shown, in the order of their names.
std::unique_ptr<Admission> mutatingWebhooks(Registry& registry, Random& random);
/// Webhooks of ValidatingWebhookConfigurations allow or refuse it.
std::unique_ptr<Admission> validatingWebhooks(Registry& registry, Random& random);

/// The webhooks alone, for what is not stored.
std::unique_ptr<AdmissionChain> bodyAdmission(Registry& registry);

/// All of them in upstream's order, for the registry that they are then given to.
std::unique_ptr<AdmissionChain> defaultAdmission(Registry& registry, Authorizer& authorizer);

}  // namespace slipway::apiserver
