#include "controllers/scheduler.h"

#include "async/task_group.h"
#include "base/log.h"
#include "controllers/fit.h"

namespace slipway::controllers {
namespace {

using namespace std::chrono_literals;
using kube::Object;

const Object* scheduledCondition(const Object& pod) {
  for (const auto& entry : kube::items(pod, {"status", "conditions"})) {
    const auto* condition = entry.if_object();
    if (condition != nullptr && kube::text(*condition, {"type"}) == "PodScheduled") return condition;
  }
  return nullptr;
}

std::string_view readiness(const Object& node) {
  for (const auto& entry : kube::items(node, {"status", "conditions"})) {
    const auto* condition = entry.if_object();
    if (condition != nullptr && kube::text(*condition, {"type"}) == "Ready") return kube::text(*condition, {"status"});
  }
  return "";
}

/// Whether a pod that did not fit before could fit now. Heartbeats change nothing.
bool maySuitMore(const Object& before, const Object& after) {
  const auto differs = [&](std::initializer_list<std::string_view> path) {
    return kube::child(before, path) != kube::child(after, path);
  };
  return differs({"spec"}) || differs({"metadata", "labels"}) || differs({"status", "allocatable"}) ||
         readiness(before) != readiness(after);
}

}  // namespace

Scheduler::Scheduler(Executor executor, kube::Client& client, SharedInformers& informers, Random& random,
                     const Clock& clock, SchedulerOptions options)
    : executor_(executor),
      client_(client),
      clock_(clock),
      options_(std::move(options)),
      pods_(informers.of(kube::kPods)),
      nodes_(informers.of(kube::kNodes)),
      events_(client, clock, random, options_.name, ""),
      loop_("scheduler", executor, random, [this](std::string key) { return schedule(std::move(key)); },
            {.workers = options_.workers, .backoff = {.initial = 1s, .max = 10s}}) {
  nodes_.addHandler(
      {.added =
           [this](const kube::ObjectPtr& node) {
             table_.setNode(node);
             wakeWaiting();
           },
       .updated =
           [this](const kube::ObjectPtr& before, const kube::ObjectPtr& node) {
             table_.setNode(node);
             if (maySuitMore(*before, *node)) wakeWaiting();
           },
       .deleted = [this](const kube::ObjectPtr& node) { table_.removeNode(std::string(kube::name(*node))); }});
  pods_.addHandler({.added = [this](const kube::ObjectPtr& pod) { onPod(pod); },
                    .updated = [this](const kube::ObjectPtr&, const kube::ObjectPtr& pod) { onPod(pod); },
                    .deleted =
                        [this](const kube::ObjectPtr& pod) {
                          table_.removePod(*pod);
                          waiting_.erase(kube::key(*pod));
                          wakeWaiting();
                        }});
}

void Scheduler::onPod(const kube::ObjectPtr& pod) {
  table_.setPod(*pod);
  const std::string_view phase = kube::text(*pod, {"status", "phase"});
  if (phase == "Succeeded" || phase == "Failed") wakeWaiting();
  if (kube::text(*pod, {"spec", "nodeName"}).empty()) loop_.add(kube::key(*pod));
}

void Scheduler::wakeWaiting() {
  for (const std::string& key : waiting_) loop_.add(key);
  waiting_.clear();
}

Task<void> Scheduler::run() {
  // With half of the nodes known, the first pods would all go there.
  co_await runTogether(
      executor_, tasksOf(task("scheduler events", events_.run()), task("scheduler", loop_.run({&nodes_, &pods_}))));
}

Task<Result<Outcome>> Scheduler::schedule(std::string key) {
  const kube::ObjectPtr pod = pods_.get(key);
  if (pod == nullptr || !kube::text(*pod, {"spec", "nodeName"}).empty()) co_return Outcome::done();
  if (kube::find(*pod, {"metadata", "deletionTimestamp"}) != nullptr) co_return Outcome::done();
  const std::string_view wanted = kube::text(*pod, {"spec", "schedulerName"});
  if (!wanted.empty() && wanted != options_.name) co_return Outcome::done();
  if (!kube::items(*pod, {"spec", "schedulingGates"}).empty()) {
    co_await markUnschedulable(pod, "SchedulingGated", "Scheduling is blocked due to non-empty scheduling gates");
    co_return Outcome::done();
  }
  // A try whose outcome is unknown left a reservation: it must not stand in its own way. If that try did bind the pod,
  // the watch puts it back.
  table_.removePod(*pod);
  const auto chosen = choose(*pod);
  if (chosen) co_return co_await bind(pod, *chosen);
  waiting_.insert(key);
  co_return co_await markUnschedulable(pod, "Unschedulable", chosen.error());
}

tl::expected<std::string, std::string> Scheduler::choose(const Object& pod) const {
  const Amounts asked = Amounts::ofPod(pod);
  std::map<std::string, int> reasons;
  const std::string* best = nullptr;
  int64_t best_score = 0;
  for (const auto& [name, info] : table_.nodes()) {
    if (auto why = whyNot(pod, asked, info)) {
      ++reasons[*why];
      continue;
    }
    const int64_t points = score(pod, asked, info);
    if (best == nullptr || points > best_score) {
      best = &name;
      best_score = points;
    }
  }
  if (best != nullptr) return *best;
  std::string message = fmt::format("0/{} nodes are available", table_.nodes().size());
  std::string separator = ": ";
  for (const auto& [why, count] : reasons) {
    message += fmt::format("{}{} {}", separator, count, why);
    separator = ", ";
  }
  return tl::unexpected(message + ".");
}

Task<Result<Outcome>> Scheduler::bind(kube::ObjectPtr pod, std::string node) {
  table_.assume(*pod, node);
  const std::string name(kube::name(*pod));
  const std::string ns(kube::nameSpace(*pod));
  Object binding{{"apiVersion", "v1"},
                 {"kind", "Binding"},
                 {"metadata", {{"name", name}, {"namespace", ns}, {"uid", kube::uid(*pod)}}},
                 {"target", {{"apiVersion", "v1"}, {"kind", "Node"}, {"name", node}}}};
  const auto bound = co_await client_.create(kube::kPods, ns, std::move(binding), name, "binding");
  if (bound) {
    log::debug("pod {}/{}: bound to node {}", ns, name, node);
    record(*pod, false, "Scheduled", fmt::format("Successfully assigned {}/{} to {}", ns, name, node));
    co_return Outcome::done();
  }
  // Conflict: somebody else bound or deleted it; the watch has told or will tell. Otherwise the outcome is unknown:
  // what the pod asks for stays reserved until the next try moves it or the watch shows it.
  if (bound.error().is(Code::Conflict) || bound.error().is(Code::NotFound)) {
    table_.removePod(*pod);
    const kube::ObjectPtr now = pods_.get(kube::key(*pod));
    if (now != nullptr) table_.setPod(*now);
    co_return Outcome::done();
  }
  log::warn("pod {}/{}: binding to node {} failed: {}", ns, name, node, bound.error().message);
  co_return Outcome::retry();
}

Task<Result<Outcome>> Scheduler::markUnschedulable(kube::ObjectPtr pod, std::string reason, std::string message) {
  const Object* before = scheduledCondition(*pod);
  if (before != nullptr && kube::text(*before, {"reason"}) == reason && kube::text(*before, {"message"}) == message) {
    co_return Outcome::retry();
  }
  kube::json::array conditions{{{"type", "PodScheduled"},
                                {"status", "False"},
                                {"reason", reason},
                                {"message", message},
                                {"lastProbeTime", nullptr},
                                {"lastTransitionTime", formatTime(clock_.now())}}};
  Object patch{{"status", {{"conditions", std::move(conditions)}}}};
  const std::string ns(kube::nameSpace(*pod));
  const std::string name(kube::name(*pod));
  const auto patched =
      co_await client_.patch(kube::kPods, ns, name, kube::PatchType::StrategicMerge, std::move(patch), "status");
  if (!patched) {
    if (!patched.error().is(Code::NotFound)) log::warn("pod {}/{}: {}", ns, name, patched.error().message);
    co_return Outcome::retry();
  }
  if (reason == "Unschedulable") record(*pod, true, "FailedScheduling", message);
  co_return Outcome::retry();
}

void Scheduler::record(const Object& pod, bool warning, std::string reason, std::string message) {
  events_.record(kube::ObjectReference::of(pod, kube::kPods), warning, std::move(reason), std::move(message));
}

}  // namespace slipway::controllers
