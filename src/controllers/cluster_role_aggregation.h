#pragma once

#include "controllers/keyed_loop.h"
#include "controllers/shared_informers.h"

namespace slipway::controllers {

/// The rules of all roles that one of the aggregation rule's selectors chooses, in the order of their names, each rule
/// once; `self` is left out.
kube::json::array aggregatedRules(const kube::Object& aggregation_rule, const std::vector<kube::ObjectPtr>& roles,
                                  std::string_view self);

/// Keeps ClusterRoles that have an aggregationRule equal to what they collect: so "view", "edit" and "admin" hold what
/// operators add to them. Life cycle: run() until cancelled, beside SharedInformers::run().
class ClusterRoleAggregation {
 public:
  ClusterRoleAggregation(Executor executor, kube::Client& client, SharedInformers& informers, Random& random);
  Task<void> run();

 private:
  Task<Result<Outcome>> reconcile();
  Task<Status> keep(kube::ObjectPtr role, std::vector<kube::ObjectPtr> roles);

  kube::Client& client_;
  kube::Informer& roles_;
  KeyedLoop loop_;
};

}  // namespace slipway::controllers
