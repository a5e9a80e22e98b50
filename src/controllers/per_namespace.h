#pragma once

#include <string>
#include <vector>

#include "controllers/keyed_loop.h"
#include "controllers/shared_informers.h"

namespace slipway::controllers {

/// An object that each namespace is to have.
struct PerNamespaceObject {
  kube::Resource resource;
  std::string name;
  kube::Object body;              ///< as it is created; without metadata.name and namespace
  std::vector<std::string> kept;  ///< top-level fields that are put back when somebody changes them
};

/// The service account "default".
PerNamespaceObject defaultServiceAccount();
/// The ConfigMap "kube-root-ca.crt", by which pods trust the API server.
PerNamespaceObject rootCaConfigMap(const std::string& ca_pem);

/// Sees to it that each namespace that is not being deleted has the object: made when it is missing, mended when
/// changed. Life cycle: run() until cancelled, beside SharedInformers::run().
class PerNamespaceController {
 public:
  PerNamespaceController(Executor executor, kube::Client& client, SharedInformers& informers, Random& random,
                         PerNamespaceObject wanted);
  Task<void> run();

 private:
  Task<Result<Outcome>> reconcile(std::string ns);

  Executor executor_;
  kube::Client& client_;
  PerNamespaceObject wanted_;
  kube::Informer& namespaces_;
  kube::Informer existing_;
  KeyedLoop loop_;
};

}  // namespace slipway::controllers
