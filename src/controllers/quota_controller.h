#pragma once

#include <string>
#include <unordered_map>

#include "base/clock.h"
#include "controllers/keyed_loop.h"
#include "controllers/quota_usage.h"
#include "controllers/resource_discovery.h"
#include "controllers/shared_informers.h"

namespace slipway::controllers {

/// Counts what each ResourceQuota limits and writes it into its status. Refusing what goes over is the server's
/// admission.
///
/// Pods count when they come, end or go; other kinds are counted every few seconds, and only those that the quota
/// names. The admission notes an object before it is there: a count that is lower than the status is believed only once
/// nothing was noted for a moment, or one object too many would be let in. Life cycle: run() until cancelled, beside
/// SharedInformers::run().
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
  /// How long to wait before a lower count of this version of the quota may be believed; 0: it may.
  std::chrono::nanoseconds unsettled(const std::string& key, const kube::Object& quota);

  Executor executor_;
  kube::Client& client_;
  const Clock& clock_;
  ResourceDiscovery discover_;
  kube::Informer& pods_;
  kube::Informer quotas_;
  KeyedLoop loop_;
  struct Seen {
    std::string version;
    SteadyTime since;
  };
  std::unordered_map<std::string, Seen> lowering_;  ///< quotas that a lower count waits for
};

}  // namespace slipway::controllers
