#include "controllers/scheduler.h"

#include "async/task_group.h"
#include "base/log.h"
#include "controllers/fit.h"

namespace slipway::controllers {
namespace {

using namespace std::chrono_literals;
using kube::Object;

kube::InformerOptions trimmed(std::initializer_list<std::string_view> dropped_status) {
  std::vector<std::string> drop(dropped_status.begin(), dropped_status.end());
  kube::InformerOptions options;
  options.transform = [drop](Object& object) {
    if (auto* status = object.if_contains("status"); status != nullptr && status->is_object()) {
      for (const std::string& name : drop) status->get_object().erase(name);
    }
    return true;
  };
  return options;
}

const Object* scheduledCondition(const Object& pod) {
  for (const auto& entry : kube::items(pod, {"status", "conditions"})) {
    const auto* condition = entry.if_object();
    if (condition != nullptr && kube::text(*condition, {"type"}) == "PodScheduled") return condition;
  }
  return nullptr;
}

}  // namespace

Scheduler::Scheduler(Executor executor, kube::Client& client, Random& random, const Clock& clock,
                     SchedulerOptions options)
    : executor_(executor),
      client_(client),
      clock_(clock),
      options_(std::move(options)),
      pods_(client, kube::kPods, trimmed({"containerStatuses", "initContainerStatuses"}), random),
      nodes_(client, kube::kNodes, trimmed({"images", "nodeInfo"}), random),
      events_(client, clock, random, options_.name, ""),
      queue_(executor, {.initial = 1s, .max = 10s}, random) {
  nodes_.addHandler(
      {.added =
           [this](const kube::ObjectPtr& node) {
             table_.setNode(node);
             wakeWaiting();
           },
       .updated =
           [this](const kube::ObjectPtr&, const kube::ObjectPtr& node) {
             table_.setNode(node);
             wakeWaiting();
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
  if (kube::text(*pod, {"spec", "nodeName"}).empty()) queue_.add(kube::key(*pod));
}

void Scheduler::wakeWaiting() {
  for (const std::string& key : waiting_) queue_.add(key);
  waiting_.clear();
}

Task<void> Scheduler::run() {
  async::TaskGroup group(executor_);
  group.spawn("scheduler events", events_.run());
  group.spawn("scheduler nodes", nodes_.run());
  group.spawn("scheduler pods", pods_.run());
  std::exception_ptr cancelled;
  try {
    // With half of the nodes known, the first pods would all go there.
    co_await nodes_.waitSynced();
    co_await pods_.waitSynced();
    for (size_t i = 0; i < options_.workers; ++i) group.spawn("scheduler worker", work());
    co_await group.join();
  } catch (const boost::system::system_error&) {
    cancelled = std::current_exception();
  }
  queue_.close();
  co_await group.stop();
  if (cancelled) std::rethrow_exception(cancelled);
}

Task<void> Scheduler::work() {
  while (true) {
    const std::optional<std::string> key = co_await queue_.get();
    if (!key) co_return;
    const Verdict verdict = co_await schedule(*key);
    if (verdict == Verdict::Done) {
      queue_.forget(*key);
    } else {
      queue_.retry(*key);
    }
    queue_.done(*key);
  }
}

Task<Scheduler::Verdict> Scheduler::schedule(std::string key) {
  const kube::ObjectPtr pod = pods_.get(key);
  if (pod == nullptr || !kube::text(*pod, {"spec", "nodeName"}).empty()) co_return Verdict::Done;
  if (kube::find(*pod, {"metadata", "deletionTimestamp"}) != nullptr) co_return Verdict::Done;
  const std::string_view wanted = kube::text(*pod, {"spec", "schedulerName"});
  if (!wanted.empty() && wanted != options_.name) co_return Verdict::Done;
  if (!kube::items(*pod, {"spec", "schedulingGates"}).empty()) {
    co_await markUnschedulable(pod, "SchedulingGated", "Scheduling is blocked due to non-empty scheduling gates");
    co_return Verdict::Done;
  }
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

Task<Scheduler::Verdict> Scheduler::bind(kube::ObjectPtr pod, std::string node) {
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
    co_return Verdict::Done;
  }
  // Conflict: somebody else bound or deleted it; the watch will tell. Otherwise the outcome is unknown: what the pod
  // asks for stays reserved until the next try moves it or the watch shows it.
  if (bound.error().is(Code::Conflict) || bound.error().is(Code::NotFound)) {
    table_.removePod(*pod);
    co_return Verdict::Done;
  }
  log::warn("pod {}/{}: binding to node {} failed: {}", ns, name, node, bound.error().message);
  co_return Verdict::Again;
}

Task<Scheduler::Verdict> Scheduler::markUnschedulable(kube::ObjectPtr pod, std::string reason, std::string message) {
  const Object* before = scheduledCondition(*pod);
  if (before != nullptr && kube::text(*before, {"reason"}) == reason && kube::text(*before, {"message"}) == message) {
    co_return Verdict::Again;
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
    co_return Verdict::Again;
  }
  if (reason == "Unschedulable") record(*pod, true, "FailedScheduling", message);
  co_return Verdict::Again;
}

void Scheduler::record(const Object& pod, bool warning, std::string reason, std::string message) {
  events_.record(kube::ObjectReference::of(pod, kube::kPods), warning, std::move(reason), std::move(message));
}

}  // namespace slipway::controllers
