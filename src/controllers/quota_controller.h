#pragma once

#include <string>

#include "base/clock.h"
#include "controllers/keyed_loop.h"
#include "controllers/quota_usage.h"
#include "controllers/resource_discovery.h"
#include "controllers/shared_informers.h"

namespace slipway::controllers {

/// Counts what each ResourceQuota limits and writes it into its status. Refusing what goes over is the server's
/// admission.
///
/// Pods count at once when they come, end or go; other kinds are counted every few seconds, and only those that the
/// quota names. Life cycle: run() until cancelled, beside SharedInformers::run().
class QuotaController {
 public:
  /// `discover` tells where kinds of "count/widgets.example.com" are served.
  QuotaController(Executor executor, kube::Client& client, SharedInformers& informers, Random& random,
                  const Clock& clock, ResourceDiscovery discover);
  Task<void> run();

 private:
  Task<Result<Outcome>> reconcile(std::string key);
  QuotaAmounts countPods(const kube::Object& quota) const;
  Task<Result<QuotaAmounts>> countOthers(std::string ns, std::vector<kube::Resource> kinds);
  Task<Result<std::vector<kube::Resource>>> kindsIn(kube::ObjectPtr quota);
  void wakeQuotasOf(const kube::Object& pod);

  Executor executor_;
  kube::Client& client_;
  const Clock& clock_;
  ResourceDiscovery discover_;
  kube::Informer& pods_;
  kube::Informer quotas_;
  KeyedLoop loop_;
};

}  // namespace slipway::controllers
