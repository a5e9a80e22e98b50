#pragma once

#include "controllers/shared_informers.h"

namespace slipway::controllers {

/// Lets claims and volumes go: the API server gives each the finalizer `kubernetes.io/pvc-protection` or
/// `kubernetes.io/pv-protection`, and somebody must take it away once a deleted claim is in no pod that runs, and a
/// deleted volume is bound to no claim.
///
/// Life cycle: run() until cancelled, beside SharedInformers::run(). One pass each interval; a pass that fails is made
/// good by the next.
class StorageProtection {
 public:
  StorageProtection(kube::Client& client, SharedInformers& informers,
                    std::chrono::nanoseconds interval = std::chrono::seconds(2));
  Task<void> run();
  Task<void> sweep();

 private:
  Task<Result<bool>> isUsed(kube::ObjectPtr claim);
  Task<void> release(kube::Resource resource, kube::ObjectPtr object, std::string finalizer);

  kube::Client& client_;
  std::chrono::nanoseconds interval_;
  kube::Informer& claims_;
  kube::Informer& volumes_;
};

}  // namespace slipway::controllers
