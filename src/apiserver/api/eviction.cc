#include "apiserver/api/handlers.h"
#include "apiserver/api/object_meta.h"
#include "apiserver/api/subresources.h"
#include "apiserver/auth/node_authorizer.h"
#include "kube/selector.h"

namespace slipway::apiserver {
namespace {

StatusError overBudget(const std::string& budget, int64_t healthy, int64_t wanted) {
  StatusError error = refuse::tooManyRequests("Cannot evict pod as it would violate the pod's disruption budget.", 0);
  error.details.clear();
  error.details["causes"] = json::array{json::object{
      {"reason", "DisruptionBudget"},
      {"message",
       fmt::format("The disruption budget {} needs {} healthy pods and has {} currently", budget, wanted, healthy)}}};
  return error;
}

/// Budgets do not protect pods that are over anyway.
bool needsNoBudget(const json::object& pod) {
  const std::string_view phase = json::text(pod, {"status", "phase"});
  return phase == "Succeeded" || phase == "Failed" || phase == "Pending" || meta::deleting(pod);
}

Answer<json::object> takeOne(const json::object& budget, const json::object& pod, const std::string& now) {
  const std::string name(meta::name(budget));
  const int64_t seen = json::findInt(budget, {"status", "observedGeneration"}).value_or(0);
  if (seen < meta::generation(budget)) {
    StatusError error =
        refuse::tooManyRequests("Cannot evict pod as it would violate the pod's disruption budget.", 10);
    error.details["causes"] = json::array{json::object{
        {"reason", "DisruptionBudget"},
        {"message", fmt::format("The disruption budget {} is still being processed by the server.", name)}}};
    return failure(std::move(error));
  }
  const int64_t allowed = json::findInt(budget, {"status", "disruptionsAllowed"}).value_or(0);
  if (allowed <= 0) {
    return failure(overBudget(name, json::findInt(budget, {"status", "currentHealthy"}).value_or(0),
                              json::findInt(budget, {"status", "desiredHealthy"}).value_or(0)));
  }
  json::object changed = budget;
  json::object& status = json::ensureObject(changed, "status");
  status["disruptionsAllowed"] = allowed - 1;
  json::ensureObject(status, "disruptedPods")[meta::name(pod)] = now;
  return changed;
}

json::object markedForEviction(const json::object& live, const std::string& now) {
  json::object pod = live;
  json::value& conditions = json::ensureObject(pod, "status")["conditions"];
  if (!conditions.is_array()) conditions = json::array();
  for (const json::value& entry : conditions.get_array()) {
    if (json::text(entry.as_object(), {"type"}) == "DisruptionTarget") return pod;
  }
  conditions.get_array().push_back(json::object{{"type", "DisruptionTarget"},
                                                {"status", "True"},
                                                {"lastProbeTime", nullptr},
                                                {"lastTransitionTime", now},
                                                {"reason", "EvictionByEvictionAPI"},
                                                {"message", "Eviction API: evicting"}});
  return pod;
}

std::vector<std::string> budgetsOf(Registry& registry, const std::string& ns, const json::object& pod) {
  std::vector<std::string> names;
  static const json::object kNone;
  const json::object* labels = json::findObject(pod, {"metadata", "labels"});
  for (const StoredPtr& stored : registry.store().table("policy/poddisruptionbudgets").list(ns + "/", "", 0).objects) {
    const json::value budget = json::parse(stored->bytes);
    const json::object* selector = json::findObject(budget.as_object(), {"spec", "selector"});
    if (selector == nullptr) continue;
    const Result<kube::LabelSelector> chosen = kube::LabelSelector::fromObject(*selector);
    if (!chosen || !chosen->matches(labels == nullptr ? kNone : *labels)) continue;
    names.emplace_back(meta::name(budget.as_object()));
  }
  return names;
}

Task<Answer<Reply>> evict(Call* call, Registry* registry) {
  CO_TRY(json::object eviction, readBody(*call));
  CO_TRY(WriteOptions options, readWriteOptions(*call));
  if (!meta::name(eviction).empty() && meta::name(eviction) != call->info.name) {
    co_return failure(refuse::badRequest("name in URL does not match name in Eviction object"));
  }
  if (json::text(eviction, {"apiVersion"}).empty()) eviction["apiVersion"] = "policy/v1";
  if (json::text(eviction, {"kind"}).empty()) eviction["kind"] = "Eviction";
  CO_TRY(DeletePlan plan, readDeleteOptions(*call, eviction["deleteOptions"]));
  plan.dry_run = plan.dry_run || options.dry_run;
  options.dry_run = plan.dry_run;
  CO_TRY_STATUS(co_await admitBody(call, registry, "CREATE", &eviction, options.dry_run));
  const KindPtr pods = registry->kinds().find("", "v1", "pods");
  CO_TRY(const StoredPtr stored, registry->get(*pods, call->info.ns, call->info.name));
  const json::value pod = json::parse(stored->bytes);
  const std::string node = nodeOf(call->user);
  if (!node.empty() && json::text(pod.as_object(), {"spec", "nodeName"}) != node) {
    co_return failure(
        refuse::forbidden(pods->resource(), call->info.name,
                          fmt::format("node {} can only evict pods with spec.nodeName set to itself", node)));
  }
  WriteContext context;
  context.user = call->user;
  context.options = options;
  context.admitted = true;
  if (!needsNoBudget(pod.as_object())) {
    const std::vector<std::string> budgets = budgetsOf(*registry, call->info.ns, pod.as_object());
    if (budgets.size() > 1) {
      co_return failure(StatusError(
          500, "InternalError",
          "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support."));
    }
    const std::string now = formatTime(call->now);
    Registry::Change change = [&](const json::object& budget) { return takeOne(budget, pod.as_object(), now); };
    if (!budgets.empty()) {
      context.subresource = "status";
      const KindPtr kind = registry->kinds().find("policy", "v1", "poddisruptionbudgets");
      Answer<Written> taken = co_await registry->update(kind, call->info.ns, budgets[0], change, context);
      if (!taken) co_return failure(std::move(taken.error()));
      context.subresource = "";
    }
  }
  if (!plan.dry_run) {
    const std::string now = formatTime(call->now);
    Registry::Change mark = [&](const json::object& live) -> Answer<json::object> {
      return markedForEviction(live, now);
    };
    context.subresource = "status";
    CO_TRY(const Written marked, co_await registry->update(pods, call->info.ns, call->info.name, mark, context));
    (void)marked;
    context.subresource = "";
  }
  CO_TRY(const Written done, co_await registry->remove(pods, call->info.ns, call->info.name, plan, context));
  (void)done;
  co_return Reply::json(
      json::object{
          {"kind", "Status"}, {"apiVersion", "v1"}, {"metadata", json::object()}, {"status", "Success"}, {"code", 201}},
      201);
}

}  // namespace

void addEviction(Api& api, Registry& registry) {
  api.onSubresource("core/pods", "eviction", [raw = &registry](Call& call) { return evict(&call, raw); });
}

}  // namespace slipway::apiserver
