#include "apiserver/api/strategy.h"

#include "apiserver/api/strategies.h"

namespace slipway::apiserver {
namespace {

// AllowCreateOnUpdate of the registries.
constexpr const char* kMayCreateOnUpdate[] = {"node.k8s.io/runtimeclasses",
                                              "rbac.authorization.k8s.io/rolebindings",
                                              "rbac.authorization.k8s.io/roles",
                                              "rbac.authorization.k8s.io/clusterrolebindings",
                                              "rbac.authorization.k8s.io/clusterroles",
                                              "coordination.k8s.io/leases",
                                              "core/limitranges",
                                              "core/events",
                                              "core/services",
                                              "core/endpoints"};

// AllowUnconditionalUpdate of the registries that say no.
constexpr const char* kConditionalOnly[] = {"node.k8s.io/runtimeclasses",
                                            "policy/poddisruptionbudgets",
                                            "storage.k8s.io/csidrivers",
                                            "storage.k8s.io/csistoragecapacities",
                                            "storage.k8s.io/volumeattachments",
                                            "storage.k8s.io/csinodes",
                                            "coordination.k8s.io/leases",
                                            "admissionregistration.k8s.io/mutatingwebhookconfigurations",
                                            "admissionregistration.k8s.io/validatingwebhookconfigurations",
                                            "admissionregistration.k8s.io/validatingadmissionpolicies",
                                            "admissionregistration.k8s.io/validatingadmissionpolicybindings",
                                            "apiextensions.k8s.io/customresourcedefinitions",
                                            "apiregistration.k8s.io/apiservices"};

// ReturnDeletedObject of the registries: a delete answers with the object, not with a Status.
constexpr const char* kAnswersWithObject[] = {"resource.k8s.io/resourceclaimtemplates",
                                              "resource.k8s.io/resourceslices",
                                              "resource.k8s.io/resourceclaims",
                                              "resource.k8s.io/deviceclasses",
                                              "storage.k8s.io/csidrivers",
                                              "storage.k8s.io/storageclasses",
                                              "storage.k8s.io/volumeattachments",
                                              "storage.k8s.io/csinodes",
                                              "storage.k8s.io/volumeattributesclasses",
                                              "core/resourcequotas",
                                              "core/persistentvolumes",
                                              "core/serviceaccounts",
                                              "core/persistentvolumeclaims",
                                              "core/namespaces",
                                              "core/pods",
                                              "core/services",
                                              "core/podtemplates"};

}  // namespace

Strategies::Strategies() {
  for (const char* table : kMayCreateOnUpdate) by_table_[table].may_create_on_update = true;
  for (const char* table : kConditionalOnly) by_table_[table].unconditional_update = false;
  for (const char* table : kAnswersWithObject) by_table_[table].answers_with_object = true;
  // Both keep to what they did before propagation policies were there.
  by_table_["batch/jobs"].default_propagation = "Orphan";
  by_table_["core/replicationcontrollers"].default_propagation = "Orphan";
  custom_.unconditional_update = false;
  addCoreStrategies(*this);
  addRefusals(*this);
}

const Strategy& Strategies::of(const Kind& kind) const {
  if (kind.custom) return custom_;
  const auto found = by_table_.find(kind.table);
  return found == by_table_.end() ? plain_ : found->second;
}

}  // namespace slipway::apiserver
