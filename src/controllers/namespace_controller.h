#pragma once

#include <string>

#include "base/clock.h"
#include "controllers/keyed_loop.h"
#include "controllers/namespace_conditions.h"
#include "controllers/resource_discovery.h"
#include "controllers/shared_informers.h"

namespace slipway::controllers {

/// Empties namespaces that are being deleted, then lets go of them.
///
/// All objects of all namespaced kinds are deleted: pods first, the rest only when no pod is left, so that what stops
/// can still read its configuration. What remains and why is written into the namespace's conditions. A kind that
/// cannot be discovered or deleted keeps the namespace: nothing in it is ever forgotten.
/// Life cycle: run() until cancelled, beside SharedInformers::run().
class NamespaceController {
 public:
  /// `metadata` lists what is in a namespace; it may answer with metadata only.
  NamespaceController(Executor executor, kube::Client& client, kube::Client& metadata, SharedInformers& informers,
                      Random& random, const Clock& clock, ResourceDiscovery discover);
  Task<void> run();

 private:
  Task<Result<Outcome>> reconcile(std::string name);
  Task<NamespaceContent> empty(std::string ns);
  Task<void> emptyOf(kube::Resource resource, std::string ns, NamespaceContent& content);
  Task<Result<kube::Object>> showContent(kube::Object object, const NamespaceContent& content);

  kube::Client& client_;
  kube::Client& metadata_;
  const Clock& clock_;
  ResourceDiscovery discover_;
  kube::Informer& namespaces_;
  KeyedLoop loop_;
};

}  // namespace slipway::controllers
