#include "bridge/node_mirror.h"

#include "base/log.h"
#include "base/strings.h"
#include "bridge/names.h"
#include "bridge/reconcile_loop.h"
#include "kube/stop_after.h"

namespace slipway::bridge {
namespace {

constexpr auto kNodeDeadline = std::chrono::seconds(60);
constexpr auto kLookAgain = std::chrono::minutes(1);
constexpr size_t kMostEvents = 16;

}  // namespace

NodeMirror::NodeMirror(Executor executor, Shared& shared, NodeCatalog& catalog, const Inventory& inventory,
                       std::string cluster)
    : shared_(shared),
      catalog_(catalog),
      inventory_(inventory),
      cluster_(std::move(cluster)),
      queue_(std::move(executor), shared.options.retry, shared.random) {}

void NodeMirror::setSite(const SiteState& before, const SiteState& now) {
  site_ = now;
  const std::vector<kube::ObjectPtr> nodes = shared_.nodes.byIndex("cluster", toLabelValue(cluster_));
  for (const kube::ObjectPtr& node : nodes) queue_.add(std::string(kube::name(*node)));
  tell(before, now, nodes);
}

/// Events for the first few Nodes only: the same is a condition of all of them, and thousands of Events would be a
/// storm.
void NodeMirror::tell(const SiteState& before, const SiteState& now, const std::vector<kube::ObjectPtr>& nodes) {
  std::string reason;
  std::string message;
  const bool warning = !now.agent_connected || !now.slurm_ok;
  if (before.agent_connected != now.agent_connected) {
    reason = now.agent_connected ? "AgentConnected" : "AgentDisconnected";
    message = now.agent_connected ? "the agent is connected" : "the agent is not connected; jobs go on";
  } else if (before.slurm_ok != now.slurm_ok) {
    reason = now.slurm_ok ? "SlurmAnswers" : "SlurmNotAnswering";
    message = now.slurm_ok ? "Slurm answers again" : toValidUtf8(now.slurm_message);
  } else {
    return;
  }
  const std::string whole = fmt::format("cluster {}: {}", cluster_, message);
  for (size_t i = 0; i < std::min(nodes.size(), kMostEvents); ++i) {
    shared_.events.record(kube::ObjectReference::of(*nodes[i], kube::kNodes), warning, reason, whole);
  }
}

Task<void> NodeMirror::run() {
  const Executor executor = co_await async::thisExecutor();
  async::TaskGroup group(executor);
  for (size_t i = 0; i < shared_.options.node_workers; ++i) group.spawn("node worker", work());
  Task<void> ends = group.join();
  co_await kube::stopAfter(std::move(ends), group);
}

Task<void> NodeMirror::work() {
  return reconcileLoop<std::string>(
      queue_, shared_.counters, kNodeDeadline, [this](std::string name) { return reconcile(std::move(name)); },
      [](const std::string& name) { return "node " + name; });
}

bool NodeMirror::isOurs(const kube::Object& node) const {
  return kube::label(node, label::kCluster) == toLabelValue(cluster_);
}

NodeContext NodeMirror::context(const std::string& name) {
  NodeContext context;
  context.cluster = cluster_;
  context.version = shared_.options.version;
  context.port = shared_.ports->allocate(name, 0);
  context.site = site_;
  context.now = shared_.clock.now();
  return context;
}

Task<Status> NodeMirror::reconcile(std::string name) {
  const kube::ObjectPtr node = shared_.nodes.get(name);
  // Another cluster's.
  if (node != nullptr && !isOurs(*node)) co_return co_await nameTaken(name);
  std::optional<NodeView> view = catalog_.view(name, inventory_);
  if (!view) {
    if (node == nullptr) co_return Status();
    co_return co_await gone(node);
  }
  gone_since_.erase(name);
  if (node == nullptr) co_return co_await create(std::move(*view));
  shared_.leases.add(name, std::string(kube::uid(*node)));
  NodeChanges changes = changesOf(*node, *view, shared_.options.nodes, context(name));
  co_return co_await change(node, std::move(changes));
}

Task<Status> NodeMirror::create(NodeView view) {
  // While the agent is away nothing new can be known.
  const std::string name = view.name;
  kube::Object wanted = newNode(view, shared_.options.nodes, context(name));
  Result<kube::Object> created = co_await shared_.client.create(kube::kNodes, "", std::move(wanted));
  if (!created && created.error().is(Code::AlreadyExists)) co_return co_await nameTaken(name);
  if (!created) co_return failure(created.error());
  ++shared_.counters.nodes_written;
  shared_.leases.add(name, std::string(kube::uid(*created)));
  shared_.nodes.observe(std::move(*created));
  co_return Status();
}

Task<Status> NodeMirror::nameTaken(std::string name) {
  Result<kube::Object> node = co_await shared_.client.get(kube::kNodes, "", name);
  if (!node) co_return failure(node.error());
  if (isOurs(*node)) co_return failure(Code::Conflict, "made already");
  // Our watch sees only Nodes of ours: look again now and then whether the name is free.
  shared_.events.record(
      kube::ObjectReference::of(*node, kube::kNodes), true, "NameTaken",
      fmt::format("the node of this name in Slurm cluster {} cannot be shown: this Node is not Slipway's", cluster_));
  queue_.addAfter(name, kLookAgain);
  co_return Status();
}

Task<Status> NodeMirror::change(kube::ObjectPtr node, NodeChanges changes) {
  const std::string name(kube::name(*node));
  if (!changes.object.empty()) {
    kube::json::value patch = std::move(changes.object);
    Result<kube::Object> patched =
        co_await shared_.client.patch(kube::kNodes, "", name, kube::PatchType::Merge, std::move(patch), "", false);
    if (!patched) co_return failure(patched.error());
    ++shared_.counters.nodes_written;
    shared_.nodes.observe(std::move(*patched));
  }
  if (!changes.status.empty()) {
    kube::json::value patch = {{"status", std::move(changes.status)}};
    Result<kube::Object> patched = co_await shared_.client.patch(kube::kNodes, "", name, kube::PatchType::Merge,
                                                                 std::move(patch), "status", false);
    if (!patched) co_return failure(patched.error());
    ++shared_.counters.nodes_written;
    shared_.nodes.observe(std::move(*patched));
  }
  co_return Status();
}

Task<Status> NodeMirror::gone(kube::ObjectPtr node) {
  const std::string name(kube::name(*node));
  shared_.leases.add(name, std::string(kube::uid(*node)));
  NodeChanges changes;
  if (!inventory_.complete()) {
    // Nothing is known of the cluster yet: after a restart without an agent or without Slurm the Nodes only say so.
    const bool trouble = !site_.agent_connected || !site_.slurm_ok;
    if (trouble) changes.status = sitePatch(*node, site_, shared_.clock.now());
    co_return co_await change(node, std::move(changes));
  }
  const SteadyTime now = shared_.clock.steady();
  const auto [since, first] = gone_since_.try_emplace(name, now);
  const auto left = shared_.options.nodes.removal_grace - (now - since->second);
  if (left.count() > 0) {
    queue_.addAfter(name, left);
    changes.status = gonePatch(*node, site_, shared_.clock.now());
    co_return co_await change(node, std::move(changes));
  }
  kube::DeleteOptions options;
  options.uid = std::string(kube::uid(*node));
  const Result<kube::Object> removed = co_await shared_.client.remove(kube::kNodes, "", name, std::move(options));
  if (!removed && !removed.error().is(Code::NotFound)) co_return failure(removed.error());
  ++shared_.counters.nodes_deleted;
  gone_since_.erase(name);
  shared_.leases.remove(name);
  shared_.ports->release(name);
  catalog_.forget(name);
  log::info("node {}: deleted, Slurm has not known it for a while", name);
  co_return Status();
}

}  // namespace slipway::bridge
