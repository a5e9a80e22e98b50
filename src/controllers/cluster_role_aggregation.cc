#include "controllers/cluster_role_aggregation.h"

#include <algorithm>

#include "kube/selector.h"

namespace slipway::controllers {
namespace {

using kube::Object;

const kube::Resource kRoles{"rbac.authorization.k8s.io", "v1", "clusterroles", "ClusterRole", false};
// All are looked at together: a change of one may matter to any.
const std::string kAllRoles = "all";

bool isChosen(const Object& aggregation_rule, const Object& role) {
  return std::ranges::any_of(kube::items(aggregation_rule, {"clusterRoleSelectors"}), [&](const auto& entry) {
    if (!entry.is_object()) return false;
    const Result<kube::LabelSelector> selector = kube::LabelSelector::fromObject(entry.get_object());
    return selector && selector->matchesObject(role);
  });
}

}  // namespace

kube::json::array aggregatedRules(const Object& aggregation_rule, const std::vector<kube::ObjectPtr>& roles,
                                  std::string_view self) {
  std::vector<kube::ObjectPtr> sorted = roles;
  std::ranges::sort(sorted, {}, [](const kube::ObjectPtr& role) { return kube::name(*role); });
  kube::json::array out;
  for (const kube::ObjectPtr& role : sorted) {
    if (kube::name(*role) == self || !isChosen(aggregation_rule, *role)) continue;
    for (const auto& rule : kube::items(*role, {"rules"})) {
      if (std::ranges::find(out, rule) == out.end()) out.push_back(rule);
    }
  }
  return out;
}

ClusterRoleAggregation::ClusterRoleAggregation(Executor executor, kube::Client& client, SharedInformers& informers,
                                               Random& random)
    : client_(client),
      roles_(informers.of(kRoles)),
      loop_("cluster role aggregation", std::move(executor), random, [this](std::string) { return reconcile(); },
            {.workers = 1}) {
  const auto look = [this](const kube::ObjectPtr&) { loop_.add(kAllRoles); };
  roles_.addHandler({.added = look,
                     .updated = [look](const kube::ObjectPtr&, const kube::ObjectPtr& after) { look(after); },
                     .deleted = look});
}

Task<void> ClusterRoleAggregation::run() {
  co_await loop_.run({&roles_});
}

Task<Result<Outcome>> ClusterRoleAggregation::reconcile() {
  std::vector<kube::ObjectPtr> roles;
  for (const auto& [key, role] : roles_.all()) roles.push_back(role);
  for (const kube::ObjectPtr& role : roles) {
    if (kube::find(*role, {"aggregationRule", "clusterRoleSelectors"}) == nullptr) continue;
    if (kube::find(*role, {"metadata", "deletionTimestamp"}) != nullptr) continue;
    CO_TRY_STATUS(co_await keep(role, roles));
  }
  co_return Outcome::done();
}

Task<Status> ClusterRoleAggregation::keep(kube::ObjectPtr role, std::vector<kube::ObjectPtr> roles) {
  const Object& rule = role->at("aggregationRule").as_object();
  kube::json::array wanted = aggregatedRules(rule, roles, kube::name(*role));
  const auto* have = role->if_contains("rules");
  const bool same = have != nullptr && have->is_array() ? have->get_array() == wanted : wanted.empty();
  if (same) co_return Status();
  Object changed = *role;
  changed["rules"] = std::move(wanted);
  Result<Object> written = co_await client_.update(kRoles, std::move(changed));
  if (!written && written.error().is(Code::NotFound)) co_return Status();
  if (!written) co_return failure(written.error());
  roles_.observe(std::move(*written));
  co_return Status();
}

}  // namespace slipway::controllers
