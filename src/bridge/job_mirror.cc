#include "bridge/job_mirror.h"

#include "base/strings.h"
#include "bridge/names.h"
#include "bridge/objects.h"
#include "bridge/pod_patches.h"
#include "bridge/reconcile_loop.h"
#include "kube/stop_after.h"

namespace slipway::bridge {
namespace {

using kube::Object;
using kube::ObjectPtr;

constexpr auto kJobDeadline = std::chrono::seconds(120);
constexpr std::string_view kOwnComment = "slipway:";

bool sameRequests(const Object& a, const Object& b) {
  const auto resources = [](const Object& pod) -> const Object& {
    const auto& containers = kube::items(pod, {"spec", "containers"});
    static const Object kNone;
    if (containers.empty() || !containers[0].is_object()) return kNone;
    return kube::child(containers[0].get_object(), {"resources"});
  };
  return kube::child(resources(a), {"requests"}) == kube::child(resources(b), {"requests"});
}

/// What the mirror says about a Pod's status, and null for the fields that it leaves empty.
Object statusPatch(const Object& have, Object wanted) {
  for (const std::string_view field : {"reason", "message", "startTime"}) {
    if (!wanted.contains(field) && have.contains(field)) wanted[field] = nullptr;
  }
  bool same = true;
  for (const auto& [name, value] : wanted) {
    const auto* old = have.if_contains(name);
    same = same && (old != nullptr ? covers(*old, value) : value.is_null());
  }
  return same ? Object() : wanted;
}

}  // namespace

JobMirror::JobMirror(Executor executor, Shared& shared, NodeCatalog& catalog, const Inventory& inventory,
                     std::string cluster)
    : shared_(shared),
      catalog_(catalog),
      inventory_(inventory),
      cluster_(std::move(cluster)),
      queue_(std::move(executor), shared.options.retry, shared.random) {}

void JobMirror::enqueueAll() {
  for (const auto& [id, job] : inventory_.jobs()) queue_.add(id);
  const std::string prefix = toLabelValue(cluster_) + "/";
  for (const std::string& value : shared_.pods.indexValues("job")) {
    if (!value.starts_with(prefix)) continue;
    if (const auto id = parseInt(value.substr(prefix.size()))) queue_.add(static_cast<uint32_t>(*id));
  }
}

Task<void> JobMirror::run() {
  const Executor executor = co_await async::thisExecutor();
  async::TaskGroup group(executor);
  for (size_t i = 0; i < shared_.options.job_workers; ++i) group.spawn("job worker", work());
  Task<void> ends = group.join();
  co_await kube::stopAfter(std::move(ends), group);
}

Task<void> JobMirror::work() {
  return reconcileLoop<uint32_t>(
      queue_, shared_.counters, kJobDeadline, [this](uint32_t id) { return reconcile(id); },
      [this](uint32_t id) { return fmt::format("job {} of {}", id, cluster_); });
}

bool JobMirror::isOwn(const site::v1::Job& job) const {
  return job.comment().starts_with(kOwnComment) && (site_user_.empty() || job.user() == site_user_);
}

bool JobMirror::shows(uint32_t job_id, std::string_view ns, std::string_view name) const {
  const std::vector<Object> wanted = wantedPods(job_id);
  return std::any_of(wanted.begin(), wanted.end(), [&](const Object& pod) {
    return kube::nameSpace(pod) == ns && (kube::name(pod) == name || secondName(kube::name(pod)) == name);
  });
}

std::string JobMirror::secondName(std::string_view name) const {
  return fmt::format("{}-{}", name.substr(0, 56), sha256Hex(cluster_).substr(0, 6));
}

std::vector<Object> JobMirror::wantedPods(uint32_t job_id) const {
  const site::v1::Job* job = inventory_.job(job_id);
  if (job == nullptr || isOwn(*job)) return {};
  JobContext context{cluster_, shared_.options.mirror, {}};
  context.node_of = [this](const std::string& slurm_node, const std::string& partition) {
    const std::string name = catalog_.kubeName(slurm_node, partition);
    const ObjectPtr node = shared_.nodes.get(name);
    // A Pod on a Node that does not exist is deleted by the pod garbage collector: its Node comes first.
    return node != nullptr && kube::label(*node, label::kCluster) == toLabelValue(cluster_) ? name : std::string();
  };
  return podsOf(*job, context);
}

Task<Status> JobMirror::reconcile(uint32_t job_id) {
  if (!inventory_.complete()) co_return Status();
  std::vector<Object> wanted = wantedPods(job_id);
  std::map<std::string, ObjectPtr> have;
  for (const ObjectPtr& pod : shared_.pods.byIndex("job", fmt::format("{}/{}", toLabelValue(cluster_), job_id))) {
    const std::string rank(kube::label(*pod, label::kNodeRank));
    // Two of one rank: the namespace or the name has changed, or somebody copied a Pod.
    if (!have.try_emplace(rank, pod).second) CO_TRY_STATUS(co_await remove(pod));
  }
  Status worst;
  for (Object& pod : wanted) {
    const std::string rank(kube::label(pod, label::kNodeRank));
    ObjectPtr existing;
    if (const auto found = have.find(rank); found != have.end()) {
      existing = found->second;
      have.erase(found);
    }
    const std::string ns(kube::nameSpace(pod));
    const std::string name(kube::name(pod));
    Status settled = co_await settle(std::move(pod), existing);
    if (!settled && settled.error().is(Code::Invalid)) {
      // The API refuses this one for good: told once in a while, and no others wait for it.
      shared_.events.record({"v1", "Pod", ns, name, ""}, true, "CannotMirrorJob", settled.error().message);
    }
    if (!settled) worst = failure(settled.error());
  }
  for (const auto& [rank, pod] : have) {
    Status removed = co_await remove(pod);
    if (!removed) worst = failure(removed.error());
  }
  co_return worst;
}

Task<Status> JobMirror::settle(Object wanted, ObjectPtr have) {
  if (have == nullptr) co_return co_await create(std::move(wanted));
  const std::string_view old_node = kube::text(*have, {"spec", "nodeName"});
  const std::string node(kube::text(wanted, {"spec", "nodeName"}));
  const bool leaving = kube::find(*have, {"metadata", "deletionTimestamp"}) != nullptr;
  const bool to_bind = old_node.empty() && !node.empty() && sameRequests(*have, wanted);
  const bool unfinished =
      isFinal(*have) && kube::text(wanted, {"status", "phase"}) != kube::text(*have, {"status", "phase"});
  const bool moved = kube::nameSpace(*have) != kube::nameSpace(wanted) || (old_node != node && !to_bind) ||
                     !sameRequests(*have, wanted);
  if (leaving || moved || unfinished) {
    CO_TRY_STATUS(co_await remove(have));
    co_return co_await create(std::move(wanted));
  }
  if (to_bind) CO_TRY_STATUS(co_await bind(have, node));
  CO_TRY_STATUS(co_await patchMetadata(wanted, have));
  Object status = std::move(wanted["status"].as_object());
  co_return co_await patchStatus(std::move(status), Object(*have));
}

Task<Status> JobMirror::create(Object wanted) {
  const std::string ns(kube::nameSpace(wanted));
  Object status = std::move(wanted["status"].as_object());
  wanted.erase("status");
  CO_TRY_STATUS(co_await ensureNamespace(ns));
  Object body = wanted;
  Result<Object> created = co_await shared_.client.create(kube::kPods, ns, std::move(body));
  if (!created && created.error().is(Code::AlreadyExists)) {
    // The name is somebody else's, or another cluster's job of the same number.
    const ObjectPtr holder = shared_.pods.get(fmt::format("{}/{}", ns, kube::name(wanted)));
    if (holder != nullptr && kube::label(*holder, label::kCluster) == toLabelValue(cluster_)) {
      co_return failure(Code::Conflict, "created already");
    }
    const std::string other = secondName(kube::name(wanted));
    wanted["metadata"].as_object()["name"] = other;
    created = co_await shared_.client.create(kube::kPods, ns, std::move(wanted));
  }
  if (!created && created.error().is(Code::NotFound)) namespaces_.erase(ns);
  if (!created) co_return failure(created.error());
  ++shared_.counters.mirror_pods_created;
  Object stored = std::move(*created);
  shared_.pods.observe(Object(stored));
  co_return co_await patchStatus(std::move(status), std::move(stored));
}

Task<Status> JobMirror::ensureNamespace(std::string ns) {
  if (namespaces_.contains(ns)) co_return Status();
  const Result<Object> existing = co_await shared_.client.get(kube::kNamespaces, "", ns);
  if (!existing && existing.error().is(Code::NotFound)) {
    Object wanted{{"metadata", {{"name", ns}}}};
    const Result<Object> created = co_await shared_.client.create(kube::kNamespaces, "", std::move(wanted));
    if (!created && !created.error().is(Code::AlreadyExists)) co_return failure(created.error());
  } else if (!existing && !existing.error().is(Code::Forbidden)) {
    co_return failure(existing.error());
  }
  namespaces_.insert(ns);
  co_return Status();
}

Task<Status> JobMirror::bind(ObjectPtr have, std::string node) {
  const std::string ns(kube::nameSpace(*have));
  const std::string name(kube::name(*have));
  if (!kube::items(*have, {"spec", "schedulingGates"}).empty()) {
    kube::json::value patch = {{"metadata", {{"uid", kube::uid(*have)}}}, {"spec", {{"schedulingGates", nullptr}}}};
    const Result<Object> opened =
        co_await shared_.client.patch(kube::kPods, ns, name, kube::PatchType::Merge, std::move(patch), "", false);
    if (!opened) co_return failure(opened.error());
  }
  Object binding{{"apiVersion", "v1"},
                 {"kind", "Binding"},
                 {"metadata", {{"name", name}, {"namespace", ns}, {"uid", kube::uid(*have)}}},
                 {"target", {{"apiVersion", "v1"}, {"kind", "Node"}, {"name", node}}}};
  const Result<Object> bound = co_await shared_.client.create(kube::kPods, ns, std::move(binding), name, "binding");
  if (!bound) co_return failure(bound.error());
  ++shared_.counters.mirror_pods_patched;
  co_return Status();
}

Task<Status> JobMirror::patchMetadata(const Object& wanted, ObjectPtr have) {
  Object metadata;
  for (const std::string_view part : {"labels", "annotations"}) {
    const Object& now = kube::child(*have, {"metadata", part});
    const Object& then = kube::child(wanted, {"metadata", part});
    Object patch;
    for (const auto& [name, value] : then) {
      const auto* old = now.if_contains(name);
      if (old == nullptr || *old != value) patch[name] = value;
    }
    for (const auto& [name, value] : now) {
      if (std::string_view(name).starts_with("slipway.dev/") && !then.contains(name)) patch[name] = nullptr;
    }
    if (!patch.empty()) metadata[part] = std::move(patch);
  }
  if (metadata.empty()) co_return Status();
  metadata["uid"] = kube::uid(*have);
  const std::string ns(kube::nameSpace(*have));
  const std::string name(kube::name(*have));
  kube::json::value patch = {{"metadata", std::move(metadata)}};
  Result<Object> patched =
      co_await shared_.client.patch(kube::kPods, ns, name, kube::PatchType::Merge, std::move(patch), "", false);
  if (!patched) co_return failure(patched.error());
  ++shared_.counters.mirror_pods_patched;
  shared_.pods.observe(std::move(*patched));
  co_return Status();
}

Task<Status> JobMirror::patchStatus(Object wanted, Object have) {
  Object status = statusPatch(kube::child(have, {"status"}), std::move(wanted));
  if (status.empty()) co_return Status();
  const std::string ns(kube::nameSpace(have));
  const std::string name(kube::name(have));
  kube::json::value patch = {{"metadata", {{"uid", kube::uid(have)}}}, {"status", std::move(status)}};
  Result<Object> patched =
      co_await shared_.client.patch(kube::kPods, ns, name, kube::PatchType::Merge, std::move(patch), "status", false);
  if (!patched) co_return failure(patched.error());
  ++shared_.counters.mirror_pods_patched;
  shared_.pods.observe(std::move(*patched));
  co_return Status();
}

Task<Status> JobMirror::remove(ObjectPtr have) {
  const std::string ns(kube::nameSpace(*have));
  const std::string name(kube::name(*have));
  kube::DeleteOptions options;
  options.grace_seconds = 0;
  options.uid = std::string(kube::uid(*have));
  const Result<Object> removed = co_await shared_.client.remove(kube::kPods, ns, name, std::move(options));
  if (!removed && !removed.error().is(Code::NotFound)) co_return failure(removed.error());
  ++shared_.counters.mirror_pods_deleted;
  co_return Status();
}

}  // namespace slipway::bridge
