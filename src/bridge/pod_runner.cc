#include "bridge/pod_runner.h"

#include "base/strings.h"
#include "bridge/host_ports.h"
#include "bridge/job_object.h"
#include "bridge/names.h"
#include "bridge/pod_patches.h"
#include "bridge/reconcile_loop.h"
#include "kube/stop_after.h"

namespace slipway::bridge {
namespace {

using kube::Object;
using kube::ObjectPtr;
using site::v1::PodReport;

constexpr auto kPodDeadline = std::chrono::minutes(3);
constexpr auto kObserveEvery = std::chrono::seconds(2);

bool isDeleted(const Object& pod) {
  return kube::find(pod, {"metadata", "deletionTimestamp"}) != nullptr;
}

/// Whether two versions of a Pod ask for the same.
bool sameWish(const Object& left, const Object& right) {
  return kube::child(left, {"spec"}) == kube::child(right, {"spec"}) &&
         kube::child(left, {"metadata", "annotations"}) == kube::child(right, {"metadata", "annotations"}) &&
         kube::child(left, {"metadata", "labels"}) == kube::child(right, {"metadata", "labels"});
}

/// The outcome is open: the same call again settles it, and there is nothing to tell the user.
bool isPassing(const Error& error) {
  return error.is(Code::ServiceUnavailable) || error.is(Code::Timeout) || error.is(Code::TooManyRequests) ||
         error.is(Code::InternalError) || error.is(Code::InsufficientStorage);
}

}  // namespace

PodRunner::PodRunner(Executor executor, Shared& shared, NodeCatalog& catalog, const Inventory& inventory,
                     const SiteLink& link, pod::PlanSource& source, VolumeRefresher& volumes)
    : shared_(shared),
      catalog_(catalog),
      inventory_(inventory),
      link_(link),
      source_(source),
      volumes_(volumes),
      queue_(std::move(executor), shared.options.retry, shared.random) {}

ObjectPtr PodRunner::podOf(const std::string& uid) const {
  const std::vector<ObjectPtr> found = shared_.pods.byIndex("uid", uid);
  return found.empty() ? nullptr : found.front();
}

const PodReport* PodRunner::report(const std::string& uid) const {
  const auto found = entries_.find(uid);
  return found == entries_.end() || !found->second.report ? nullptr : &*found->second.report;
}

void PodRunner::connected() {
  connected_at_ = shared_.clock.steady();
  for (auto& [uid, entry] : entries_) {
    entry.fresh = false;
    entry.submitted = false;
    entry.cancelled_at.reset();
    queue_.add(uid);
  }
}

void PodRunner::disconnected() {
  for (const auto& [uid, entry] : entries_) queue_.add(uid);
}

void PodRunner::podGone(const Object& last) {
  const std::string uid(kube::uid(last));
  Entry& entry = entries_[uid];
  entry.gone = true;
  volumes_.stopped(uid, true);
  entry.last_grace = kube::integer(last, {"metadata", "deletionGracePeriodSeconds"},
                                   kube::integer(last, {"spec", "terminationGracePeriodSeconds"}, 30));
  queue_.add(uid);
}

void PodRunner::podMissing(const Object& last) {
  const std::string uid(kube::uid(last));
  volumes_.stopped(uid, true);
  log::warn("pod {}: a new list does not have it; its job is cancelled if it stays away", kube::key(last));
  queue_.add(uid);
}

void PodRunner::take(PodReport report) {
  const std::string uid = report.pod_uid();
  if (uid.empty()) return;
  ++shared_.counters.reports;
  Entry& entry = entries_[uid];
  if (entry.fresh && entry.report) {
    const bool older = report.attempt() < entry.report->attempt() ||
                       (report.attempt() == entry.report->attempt() && report.sequence() < entry.report->sequence());
    if (older) return;
  }
  if (const ObjectPtr pod = podOf(uid)) {
    for (const site::v1::PodEvent& event : report.events()) {
      shared_.events.record(kube::ObjectReference::of(*pod, kube::kPods), event.type() == "Warning", event.reason(),
                            event.message());
    }
  }
  const bool runs = report.stage() == PodReport::RUNNING;
  if (runs) volumes_.started(uid);
  if (!runs) volumes_.stopped(uid, isOver(report));
  entry.fresh = true;
  entry.report = std::move(report);
  queue_.add(uid);
}

Task<void> PodRunner::run() {
  const Executor executor = co_await async::thisExecutor();
  async::TaskGroup group(executor);
  for (size_t i = 0; i < shared_.options.pod_workers; ++i) group.spawn("pod worker", work());
  Task<void> ends = group.join();
  co_await kube::stopAfter(std::move(ends), group);
}

Task<void> PodRunner::work() {
  return reconcileLoop<std::string>(
      queue_, shared_.counters, kPodDeadline, [this](std::string uid) { return reconcile(std::move(uid)); },
      [this](const std::string& uid) {
        const ObjectPtr pod = podOf(uid);
        return "pod " + (pod == nullptr ? uid : kube::key(*pod));
      });
}

Task<Status> PodRunner::reconcile(std::string uid) {
  ObjectPtr pod = podOf(uid);
  if (pod == nullptr) co_return co_await orphan(uid);
  if (isMirrorPod(*pod)) co_return Status();
  if (!pod->contains("status")) co_return co_await fetchWhole(pod);
  Entry& entry = entries_[uid];
  entry.orphan_since.reset();
  entry.gone = false;
  if (entry.report && entry.report->attempt() >= attemptOf(*pod) && entry.report->stage() != PodReport::REFUSED) {
    PodReport report = *entry.report;
    blameDeadline(report);
    if (heldBack(*pod, report)) report.set_stage(PodReport::STARTING);
    const std::string fate = openFate(report);
    if (!fate.empty() && !isFinal(*pod) && kube::text(*pod, {"status", "reason"}) != report.reason()) {
      shared_.events.record(kube::ObjectReference::of(*pod, kube::kPods), true, report.reason(), fate);
    }
    CO_TRY_STATUS(co_await writeStatus(pod, std::move(report)));
    pod = podOf(uid);
    if (pod == nullptr) co_return Status();
  }
  if (isDeleted(*pod)) co_return co_await terminate(pod);
  if (isFinal(*pod)) {
    // Somebody else ended it (an eviction): its job must not go on.
    const auto again = entries_.find(uid);
    const bool runs = again != entries_.end() && again->second.report && !isOver(*again->second.report) &&
                      again->second.report->stage() != PodReport::REFUSED;
    if (!runs || again->second.cancelled_at || !link_.connected()) co_return Status();
    const Result<bool> cancelled =
        co_await cancel(uid, kube::integer(*pod, {"spec", "terminationGracePeriodSeconds"}, 30));
    if (!cancelled) co_return failure(cancelled.error());
    co_return Status();
  }
  CO_TRY_STATUS(co_await addEphemeral(pod));
  CO_TRY_STATUS(co_await giveSecrets(pod));
  if (const PodReport* known = report(uid); known != nullptr && known->attempt() >= attemptOf(*pod) &&
                                            known->job_id() != 0 && known->stage() != PodReport::REFUSED) {
    // Also what an API server that was away, or an end of ours, left unwritten after the submission.
    const uint32_t job_id = known->job_id();
    CO_TRY_STATUS(co_await annotate(pod, job_id));
  }
  CO_TRY_STATUS(co_await endAtDeadline(pod));
  CO_TRY_STATUS(co_await outliveOutages(pod));
  Entry& now = entries_[uid];
  if (now.report && now.report->stage() == PodReport::REFUSED && !now.submit_after) {
    now.submitted = false;
    const std::string reason = now.report->reason().empty() ? "SubmitRefused" : now.report->reason();
    co_return co_await refuse(pod, reason, now.report->message(), false);
  }
  if (needsSubmit(*pod, now)) co_return co_await submit(pod);
  co_return Status();
}

Task<Status> PodRunner::fetchWhole(ObjectPtr stub) {
  const std::string ns(kube::nameSpace(*stub));
  const std::string name(kube::name(*stub));
  Result<Object> whole = co_await shared_.client.get(kube::kPods, ns, name);
  if (!whole && whole.error().is(Code::NotFound)) co_return Status();
  if (!whole) co_return failure(whole.error());
  shared_.pods.refresh(std::move(*whole));
  co_return Status();
}

bool PodRunner::needsSubmit(const Object& pod, Entry& entry) {
  if (!link_.connected() || entry.submitted) return false;
  const std::string uid(kube::uid(pod));
  const SteadyTime now = shared_.clock.steady();
  if (entry.report && entry.report->attempt() >= attemptOf(pod)) {
    // UNKNOWN says nothing: neither that it runs nor that it does not.
    if (entry.report->stage() != PodReport::REFUSED) return false;
  } else if (!kube::annotation(pod, annotation::kJobId).empty()) {
    const auto waited = now - connected_at_;
    if (waited < shared_.options.pods.report_patience) {
      queue_.addAfter(uid, shared_.options.pods.report_patience - waited);
      return false;
    }
  }
  // A refusal is of the Pod as it was.
  const bool same = entry.refused_as == nullptr || sameWish(*entry.refused_as, pod);
  if (entry.submit_after && now < *entry.submit_after && same) {
    queue_.addAfter(uid, *entry.submit_after - now);
    return false;
  }
  return true;
}

std::optional<std::string> PodRunner::policyRefusal(const Object& pod) const {
  const std::string ns(kube::nameSpace(pod));
  const PodOptions& options = shared_.options.pods;
  const bool allowed =
      options.namespaces.empty() ? !options.denied_namespaces.contains(ns) : options.namespaces.contains(ns);
  if (allowed) return std::nullopt;
  return fmt::format("pods of namespace {} may not run on Slurm: see pods.namespaces in controller.yaml", ns);
}

Result<pod::PlanOptions> PodRunner::planOptions(const Object& pod) {
  const std::string node_name(kube::text(pod, {"spec", "nodeName"}));
  const std::optional<NodeView> view = catalog_.view(node_name, inventory_);
  if (!view) return failure(Code::ServiceUnavailable, "the Slurm node behind {} is not known (yet)", node_name);
  pod::PlanOptions options = shared_.options.pods.plan;
  options.attempt = attemptOf(pod);
  if (!view->slurm_node.empty()) options.node_list = {view->slurm_node};
  options.partition = view->partition;
  if (const ObjectPtr node = shared_.nodes.get(node_name)) options.node = *node;
  return options;
}

Task<Status> PodRunner::submit(ObjectPtr pod) {
  if (const std::optional<std::string> refusal = policyRefusal(*pod)) {
    co_return co_await refuse(pod, "PolicyRefused", *refusal, false);
  }
  CO_TRY(pod::PlanOptions options, planOptions(*pod));
  if (!options.node_list.empty()) {
    const std::string node(kube::text(*pod, {"spec", "nodeName"}));
    const auto begun = [this](std::string_view uid) {
      const auto known = entries_.find(std::string(uid));
      return known != entries_.end() && known->second.begun;
    };
    const std::optional<std::string> conflict = portConflict(*pod, shared_.pods.byIndex("node", node), begun);
    if (conflict) co_return co_await refuse(pod, "NodePorts", *conflict, true);
    entries_[std::string(kube::uid(*pod))].begun = true;
  }
  Object copy = *pod;
  Result<site::v1::PodPlan> plan = co_await pod::buildPlan(std::move(copy), source_, std::move(options));
  if (!plan && isPassing(plan.error())) co_return failure(plan.error());
  if (!plan) {
    const bool for_good = plan.error().is(Code::Invalid);
    co_return co_await refuse(pod, for_good ? "InvalidPod" : "CreateContainerConfigError", plan.error().message,
                              for_good);
  }
  co_return co_await submitPlan(pod, std::move(*plan));
}

Task<Status> PodRunner::submitPlan(ObjectPtr pod, site::v1::PodPlan plan) {
  const std::string uid(kube::uid(*pod));
  // The plan took some requests: what was deleted meanwhile is not submitted any more.
  const ObjectPtr now = podOf(uid);
  if (now == nullptr || isDeleted(*now)) co_return Status();
  volumes_.planned(uid, plan);
  site::v1::SubmitRequest request;
  *request.mutable_plan() = std::move(plan);
  const Result<site::v1::SubmitResponse> answer =
      co_await link_.call<site::v1::SubmitResponse>(kSubmit, std::move(request), shared_.options.pods.submit_deadline);
  if (!answer && isPassing(answer.error())) co_return failure(answer.error().wrap("submit"));
  if (!answer) {
    ++shared_.counters.submits_refused;
    co_return co_await refuse(pod, "SubmitRefused", answer.error().message, false);
  }
  ++shared_.counters.submits;
  Entry& entry = entries_[uid];
  entry.submitted = true;
  entry.refusals.reset();
  entry.submit_after.reset();
  entry.refused_as.reset();
  entry.refusal.clear();
  if (entry.report && entry.report->stage() == PodReport::REFUSED) entry.report.reset();
  shared_.events.record(kube::ObjectReference::of(*pod, kube::kPods), false, "Submitted",
                        fmt::format("Slurm job {}", answer->job_id()));
  co_return co_await annotate(pod, answer->job_id());
}

Task<Status> PodRunner::refuse(ObjectPtr pod, std::string reason, std::string message, bool for_good) {
  const std::string uid(kube::uid(*pod));
  Entry& entry = entries_[uid];
  if (entry.refusal != message) {
    shared_.events.record(kube::ObjectReference::of(*pod, kube::kPods), true, reason, message);
    entry.refusal = message;
  }
  entry.refused_as = pod;
  if (!entry.refusals) entry.refusals.emplace(shared_.options.pods.refused, shared_.random);
  const std::chrono::nanoseconds delay = entry.refusals->next();
  entry.submit_after = shared_.clock.steady() + std::chrono::duration_cast<SteadyTime::duration>(delay);
  const bool fails = for_good && replacerOf(*pod).empty();
  if (!fails) queue_.addAfter(uid, delay);
  PodReport report;
  report.set_pod_uid(uid);
  report.set_attempt(attemptOf(*pod));
  report.set_stage(fails ? PodReport::FAILED : PodReport::REFUSED);
  report.set_reason(reason);
  report.set_message(toValidUtf8(message));
  co_return co_await writeStatus(pod, std::move(report));
}

Task<Status> PodRunner::annotate(ObjectPtr pod, uint32_t job_id) {
  Object patch = submittedPatch(*pod, job_id);
  if (patch.empty()) co_return Status();
  const std::string ns(kube::nameSpace(*pod));
  const std::string name(kube::name(*pod));
  Result<Object> patched = co_await shared_.client.patch(kube::kPods, ns, name, kube::PatchType::Merge,
                                                         kube::json::value(std::move(patch)), "", false);
  if (!patched) co_return failure(patched.error());
  shared_.pods.observe(std::move(*patched));
  co_return Status();
}

Task<Status> PodRunner::writeStatus(ObjectPtr pod, PodReport report) {
  const std::string node_name(kube::text(*pod, {"spec", "nodeName"}));
  const pod::NodeFacts node{shared_.options.nodes.address, "", observes_generation_};
  Object patch = statusPatchOf(*pod, report, node, shared_.clock.now());
  if (patch.empty()) co_return Status();
  if (statusPatchOf(*pod, report, {node.host_ip, "", false}, shared_.clock.now()).empty()) {
    // Only that a new generation was seen: not after each of many changes, whose authors we would get in the way of.
    Entry& entry = entries_[report.pod_uid()];
    const SteadyTime now = shared_.clock.steady();
    if (entry.observed_at && now - *entry.observed_at < kObserveEvery) {
      queue_.addAfter(report.pod_uid(), *entry.observed_at + kObserveEvery - now);
      co_return Status();
    }
    entry.observed_at = now;
  }
  const std::string ns(kube::nameSpace(*pod));
  const std::string name(kube::name(*pod));
  kube::json::value body = {{"metadata", {{"uid", kube::uid(*pod)}}}, {"status", std::move(patch)}};
  Result<Object> patched =
      co_await shared_.client.patch(kube::kPods, ns, name, kube::PatchType::Merge, std::move(body), "status", false);
  if (!patched && patched.error().is(Code::NotFound)) co_return Status();
  if (!patched) co_return failure(patched.error().wrap("status"));
  ++shared_.counters.pod_status_written;
  const bool dropped = !kube::child(*patched, {"status"}).contains("observedGeneration");
  if (dropped && kube::integer(*pod, {"metadata", "generation"}) > 0) observes_generation_ = false;
  shared_.pods.observe(std::move(*patched));
  co_return Status();
}

}  // namespace slipway::bridge
