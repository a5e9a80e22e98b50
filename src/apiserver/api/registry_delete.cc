#include "apiserver/api/convert.h"
#include "apiserver/api/object_meta.h"
#include "apiserver/api/registry.h"

namespace slipway::apiserver {
namespace {

constexpr std::string_view kOrphan = "orphan";
constexpr std::string_view kForeground = "foregroundDeletion";

Done checkPreconditions(const Kind& kind, const json::object& live, const DeletePlan& plan) {
  const std::string_view name = meta::name(live);
  if (!plan.uid.empty() && plan.uid != meta::uid(live)) {
    return failure(refuse::conflict(
        kind.qualifiedKind(), name,
        fmt::format(
            "the UID in the precondition ({}) does not match the UID in record ({}). The object might have been "
            "deleted and then recreated",
            plan.uid, meta::uid(live))));
  }
  if (!plan.resource_version.empty() && plan.resource_version != meta::resourceVersion(live)) {
    return failure(refuse::conflict(
        kind.qualifiedKind(), name,
        fmt::format(
            "the ResourceVersion in the precondition ({}) does not match the ResourceVersion in record ({}). The "
            "object might have been modified",
            plan.resource_version, meta::resourceVersion(live))));
  }
  return {};
}

/// The finalizers that the garbage collector acts on, as the caller's policy (or the one already begun) has them.
void setGarbageFinalizers(json::object& object, const DeletePlan& plan, const Strategy& strategy) {
  std::string policy = plan.propagation;
  if (policy.empty()) {
    if (meta::hasFinalizer(object, kOrphan)) {
      policy = "Orphan";
    } else if (meta::hasFinalizer(object, kForeground)) {
      policy = "Foreground";
    } else {
      policy = strategy.default_propagation;
    }
  }
  meta::removeFinalizer(object, kOrphan);
  meta::removeFinalizer(object, kForeground);
  if (policy == "Orphan") meta::addFinalizer(object, kOrphan);
  if (policy == "Foreground") meta::addFinalizer(object, kForeground);
}

/// Seconds that the object's holder gets to end it; 0: nobody holds it.
int64_t graceOf(const Strategy& strategy, const json::object& object, const DeletePlan& plan) {
  if (!strategy.graceful_delete) return 0;
  if (json::text(object, {"spec", "nodeName"}).empty()) return 0;
  const std::string_view phase = json::text(object, {"status", "phase"});
  if (phase == "Succeeded" || phase == "Failed") return 0;
  int64_t grace =
      plan.grace_seconds.value_or(json::findInt(object, {"spec", "terminationGracePeriodSeconds"}).value_or(30));
  // A negative grace period means now, but in order.
  return grace < 0 ? 1 : grace;
}

struct DeleteStep {
  json::object object;
  bool erase = false;
  bool unchanged = false;
};

DeleteStep planStep(const Kind& kind, const Strategy& strategy, json::object live, const DeletePlan& plan,
                    WallTime now) {
  DeleteStep step;
  step.object = std::move(live);
  json::object& object = step.object;
  const bool was_deleting = meta::deleting(object);
  const json::object before = object;
  setGarbageFinalizers(object, plan, strategy);
  if (!was_deleting && !strategy.finalizer_on_delete.empty()) meta::addFinalizer(object, strategy.finalizer_on_delete);
  int64_t grace = graceOf(strategy, object, plan);
  if (was_deleting) {
    const int64_t left = json::findInt(object, {"metadata", "deletionGracePeriodSeconds"}).value_or(0);
    // A second delete may only hasten the first one.
    if (strategy.graceful_delete && left > 0 && !plan.grace_seconds) grace = left;
    grace = std::min(grace, left);
  }
  const bool is_namespace = kind.table == "core/namespaces";
  const json::array* spec_finalizers = is_namespace ? json::findArray(object, {"spec", "finalizers"}) : nullptr;
  const bool held = meta::hasFinalizers(object) || (spec_finalizers != nullptr && !spec_finalizers->empty());
  step.erase = grace == 0 && !held;
  if (step.erase && !strategy.graceful_delete) {
    step.object = before;
    return step;
  }
  json::object& metadata = meta::of(object);
  if (!was_deleting) {
    metadata["deletionTimestamp"] = formatTime(now + std::chrono::seconds(grace));
    metadata["deletionGracePeriodSeconds"] = grace;
    if (meta::generation(object) > 0) metadata["generation"] = meta::generation(object) + 1;
    if (is_namespace) json::ensureObject(object, "status")["phase"] = "Terminating";
  } else {
    const int64_t left = json::findInt(object, {"metadata", "deletionGracePeriodSeconds"}).value_or(0);
    if (grace < left) {
      const Result<WallTime> end = parseTime(meta::text(object, "deletionTimestamp"));
      if (end) metadata["deletionTimestamp"] = formatTime(*end - std::chrono::seconds(left - grace));
      metadata["deletionGracePeriodSeconds"] = grace;
    } else {
      step.unchanged = object == before;
    }
  }
  // Kinds without a graceful ending do not show a grace period of their own making once nothing holds them.
  if (is_namespace) json::removeKey(metadata, "deletionGracePeriodSeconds");
  return step;
}

}  // namespace

Task<Answer<Written>> Registry::remove(KindPtr kind, std::string ns, std::string name, DeletePlan plan,
                                       WriteContext& context) {
  const Strategy& strategy = p_.strategies.of(*kind);
  while (true) {
    const StoredPtr before = p_.store.table(kind->table).find(kind->key(ns, name));
    if (!before) co_return failure(refuse::notFound(kind->resource(), name));
    json::value document = json::parse(before->bytes);
    json::object live = std::move(document.as_object());
    if (kind->custom && !storedAsServed(*kind, *before)) toServed(*kind, live);
    CO_TRY_STATUS(checkPreconditions(*kind, live, plan));
    AdmissionRequest admission{kind, "", "DELETE", ns, name, context.user, plan.dry_run};
    admission.old = &live;
    admission.warnings = &context.warnings;
    admission.annotations = &context.annotations;
    if (p_.admission != nullptr && !context.admitted) {
      Done admitted = co_await p_.admission->mutate(admission);
      if (admitted) admitted = co_await p_.admission->validate(admission);
      if (!admitted) co_return failure(std::move(admitted.error()));
    }
    DeleteStep step = planStep(*kind, strategy, live, plan, p_.clock.now());
    if (step.unchanged) co_return Written{before, false, false};
    Result<StoredPtr> stored = failure(Code::Conflict, "");
    if (step.erase) {
      stored = co_await erase(*kind, before, std::move(step.object), plan.dry_run);
    } else {
      stored = co_await put(*kind, before->key, before, std::move(step.object), plan.dry_run);
    }
    if (stored) co_return Written{*stored, false, step.erase};
    if (!stored.error().is(Code::Conflict)) co_return failure(StatusError(stored.error()));
  }
}

}  // namespace slipway::apiserver
