#include "controllers/quota_controller.h"

#include "schema/quota_scope.h"

namespace slipway::controllers {
namespace {

using namespace std::chrono_literals;
using kube::Object;

constexpr auto kRecount = 5s;
constexpr auto kSettle = 100ms;  // what was noted until then is in our copy of the pods
constexpr const char* kByNamespace = "namespace";
const kube::Resource kQuotas{"", "v1", "resourcequotas", "ResourceQuota", true};
const kube::Resource kReplicationControllers{"", "v1", "replicationcontrollers", "ReplicationController", true};

std::vector<std::string> namespaceOf(const Object& object) {
  return {std::string(kube::nameSpace(object))};
}

/// Whether a limit's name is about objects of the kind.
bool concerns(std::string_view limit, const kube::Resource& kind) {
  if (limit == countName(kind)) return true;
  if (!kind.group.empty()) return false;
  if (limit == kind.plural || limit.starts_with(kind.plural + ".")) return true;
  return kind.plural == "persistentvolumeclaims" &&
         (limit.ends_with("requests.storage") || limit.ends_with("/persistentvolumeclaims"));
}

bool countsTheSame(const Object& pod, const Object& other) {
  return kube::text(pod, {"status", "phase"}) == kube::text(other, {"status", "phase"}) &&
         kube::child(pod, {"spec"}) == kube::child(other, {"spec"});
}

bool isLower(const Object& used, const Object& before) {
  return std::any_of(used.begin(), used.end(), [&](const auto& entry) {
    const auto now = kube::Quantity::parse(kube::text(used, {entry.key()}));
    const auto then = kube::Quantity::parse(kube::text(before, {entry.key()}));
    return now && then && *now < *then;
  });
}

}  // namespace

QuotaController::QuotaController(Executor executor, kube::Client& client, SharedInformers& informers, Random& random,
                                 const Clock& clock, ResourceDiscovery discover)
    : executor_(executor),
      client_(client),
      clock_(clock),
      discover_(std::move(discover)),
      pods_(informers.of(kube::kPods)),
      quotas_(client, kQuotas, {}, random),
      loop_("resource quotas", executor, random, [this](std::string key) { return reconcile(std::move(key)); },
            {.workers = 2}) {
  loop_.addFrom(quotas_);
  quotas_.addIndex(kByNamespace, namespaceOf);
  pods_.addHandler({.added = [this](const kube::ObjectPtr& pod) { wakeQuotasOf(*pod); },
                    .updated =
                        [this](const kube::ObjectPtr& before, const kube::ObjectPtr& after) {
                          if (!countsTheSame(*before, *after)) wakeQuotasOf(*after);
                        },
                    .deleted = [this](const kube::ObjectPtr& pod) { wakeQuotasOf(*pod); }});
}

Task<void> QuotaController::run() {
  co_await runTogether(executor_, tasksOf(task("resource quotas", quotas_.run()),
                                          task("resource quota loop", loop_.run({&quotas_, &pods_}))));
}

void QuotaController::wakeQuotasOf(const Object& pod) {
  for (const kube::ObjectPtr& quota : quotas_.byIndex(kByNamespace, std::string(kube::nameSpace(pod)))) {
    loop_.add(kube::key(*quota));
  }
}

Task<Result<Outcome>> QuotaController::reconcile(std::string key) {
  const kube::ObjectPtr quota = quotas_.get(key);
  if (quota == nullptr || kube::find(*quota, {"metadata", "deletionTimestamp"}) != nullptr) {
    lowering_.erase(key);
    co_return Outcome::done();
  }
  CO_TRY(const std::vector<kube::Resource> kinds, co_await kindsIn(quota));
  QuotaAmounts counted = countPods(*quota);
  const std::string ns(kube::nameSpace(*quota));
  CO_TRY(const QuotaAmounts others, co_await countOthers(ns, kinds));
  addTo(counted, others);

  const Object& hard = kube::child(*quota, {"spec", "hard"});
  Object used;
  for (const auto& [name, limit] : hard) {
    const auto found = counted.find(std::string(name));
    used[name] = found == counted.end() ? "0" : found->second.str();
  }
  const Outcome next = kinds.empty() ? Outcome::done() : Outcome::after(kRecount);
  if (kube::child(*quota, {"status", "hard"}) == hard && kube::child(*quota, {"status", "used"}) == used) {
    lowering_.erase(key);
    co_return next;
  }
  if (isLower(used, kube::child(*quota, {"status", "used"}))) {
    const auto wait = unsettled(key, *quota);
    if (wait > 0ns) co_return Outcome::after(wait);
  }
  lowering_.erase(key);
  Object written = *quota;
  written["status"] = {{"hard", hard}, {"used", std::move(used)}};
  Result<Object> answer = co_await client_.update(kQuotas, std::move(written), "status");
  if (!answer && answer.error().is(Code::NotFound)) co_return Outcome::done();
  if (!answer) co_return failure(answer.error());
  quotas_.observe(std::move(*answer));
  co_return next;
}

std::chrono::nanoseconds QuotaController::unsettled(const std::string& key, const Object& quota) {
  const SteadyTime now = clock_.steady();
  Seen& seen = lowering_[key];
  if (seen.version != kube::resourceVersion(quota)) seen = {std::string(kube::resourceVersion(quota)), now};
  return seen.since + kSettle - now;
}

QuotaAmounts QuotaController::countPods(const Object& quota) const {
  QuotaAmounts sum;
  for (const auto& [key, pod] : pods_.all()) {
    if (kube::nameSpace(*pod) == kube::nameSpace(quota) && schema::quotaCovers(quota, *pod)) {
      addTo(sum, usageOfPod(*pod, clock_.now()));
    }
  }
  return sum;
}

/// The kinds beside pods that the quota limits.
Task<Result<std::vector<kube::Resource>>> QuotaController::kindsIn(kube::ObjectPtr quota) {
  std::vector<kube::Resource> candidates = {kube::kConfigMaps, kube::kSecrets,
                                            kube::kServices,   kube::kPersistentVolumeClaims,
                                            kQuotas,           kReplicationControllers};
  const Object& hard = kube::child(*quota, {"spec", "hard"});
  const bool named = std::any_of(hard.begin(), hard.end(), [](const auto& entry) {
    return std::string_view(entry.key()).starts_with("count/") && entry.key() != "count/pods";
  });
  if (named && discover_) {
    Task<Result<Discovered>> asking = discover_();
    CO_TRY(const Discovered discovered, co_await std::move(asking));
    for (const ApiResource& served : discovered.preferred({"list"})) {
      const bool known = std::any_of(candidates.begin(), candidates.end(), [&](const kube::Resource& candidate) {
        return candidate.group == served.resource.group && candidate.plural == served.resource.plural;
      });
      if (served.resource.namespaced && !known) candidates.push_back(served.resource);
    }
  }
  std::vector<kube::Resource> kinds;
  for (const kube::Resource& candidate : candidates) {
    if (candidate == kube::kPods) continue;
    const bool limited = std::any_of(hard.begin(), hard.end(), [&](const auto& entry) {
      return concerns(std::string_view(entry.key()), candidate);
    });
    if (limited) kinds.push_back(candidate);
  }
  co_return kinds;
}

Task<Result<QuotaAmounts>> QuotaController::countOthers(std::string ns, std::vector<kube::Resource> kinds) {
  QuotaAmounts sum;
  for (const kube::Resource& kind : kinds) {
    kube::ListOptions options;
    options.sink = [&](const Object& object) { addTo(sum, usageOfObject(kind, object)); };
    CO_TRY_STATUS(co_await client_.list(kind, ns, std::move(options)));
  }
  co_return sum;
}

}  // namespace slipway::controllers
