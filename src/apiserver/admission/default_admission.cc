#include "apiserver/admission/plugins.h"

namespace slipway::apiserver {

std::unique_ptr<AdmissionChain> bodyAdmission(Registry& registry) {
  auto chain = std::make_unique<AdmissionChain>();
  chain->add(mutatingWebhooks(registry, registry.random()));
  chain->add(validatingWebhooks(registry, registry.random()));
  return chain;
}

std::unique_ptr<AdmissionChain> defaultAdmission(Registry& registry, Authorizer& authorizer) {
  Store& store = registry.store();
  Random& random = registry.random();
  auto chain = std::make_unique<AdmissionChain>();
  chain->add(namespaceLifecycle(store));
  chain->add(limitRanger(store));
  chain->add(serviceAccountAdmission(store, random));
  chain->add(nodeRestriction(store));
  chain->add(podSecurity(store, registry.clock()));
  chain->add(priorityAdmission(store));
  chain->add(defaultTolerations());
  chain->add(defaultStorageClass(store));
  chain->add(runtimeClassAdmission(store));
  chain->add(certificatesAdmission(authorizer));
  chain->add(defaultIngressClass(store));
  chain->add(mutatingWebhooks(registry, random));
  chain->add(serviceAddresses(store, random));
  chain->add(claimGrowth(store));
  chain->add(rbacEscalation(authorizer));
  chain->add(validatingWebhooks(registry, random));
  // The last one: what is charged is not to be refused after that.
  chain->add(resourceQuota(registry));
  return chain;
}

}  // namespace slipway::apiserver
