#include "bridge/bridge.h"

#include "async/deadline.h"
#include "base/log.h"
#include "base/strings.h"
#include "bridge/names.h"
#include "kube/stop_after.h"

namespace slipway::bridge {
namespace {

constexpr auto kHelloDeadline = std::chrono::seconds(15);

kube::InformerOptions nodeInformerOptions(const BridgeOptions& from) {
  kube::InformerOptions options;
  options.backoff = from.watch_retry;
  options.label_selector = std::string(label::kCluster);
  options.transform = [](kube::Object& node) {
    // Lists of images and volumes of other kubelets never concern us.
    if (auto* status = node.if_contains("status"); status != nullptr && status->is_object()) {
      status->get_object().erase("images");
    }
    return true;
  };
  return options;
}

std::vector<std::string> single(std::string_view value) {
  if (value.empty()) return {};
  return {std::string(value)};
}

}  // namespace

Bridge::Bridge(Executor executor, kube::Client& client, const Clock& clock, Random& random, BridgeOptions options)
    : executor_(executor),
      options_(std::move(options)),
      ports_(options_.nodes.first_port, options_.nodes.last_port),
      nodes_(client, kube::kNodes, nodeInformerOptions(options_), random),
      pods_(client, kube::kPods,
            {.transform = [this](kube::Object& pod) { return trim(pod); }, .backoff = options_.watch_retry}, random),
      events_(client, clock, random, "slipway", ""),
      leases_(client, options_.leases, clock, random),
      shared_{client, clock, random, options_, nodes_, pods_, events_, leases_, &ports_, counters_},
      group_(executor) {
  watchNodes();
  watchPods();
}

Bridge::~Bridge() = default;

void Bridge::watchNodes() {
  nodes_.addIndex("cluster", [](const kube::Object& node) { return single(kube::label(node, label::kCluster)); });
  const auto added = [this](const kube::ObjectPtr& node) {
    const int64_t port = kube::integer(*node, {"status", "daemonEndpoints", "kubeletEndpoint", "Port"});
    const auto preferred = static_cast<uint16_t>(port > 0 && port < 65536 ? port : 0);
    shared_.ports->allocate(std::string(kube::name(*node)), preferred);
    if (SiteSession* site = sessionOf(*node)) site->nodeAdded(node);
  };
  const auto updated = [this](const kube::ObjectPtr&, const kube::ObjectPtr& node) {
    if (SiteSession* site = sessionOf(*node)) site->nodeChanged(std::string(kube::name(*node)));
  };
  const auto deleted = [this](const kube::ObjectPtr& node) {
    leases_.remove(std::string(kube::name(*node)));
    if (SiteSession* site = sessionOf(*node)) site->nodeChanged(std::string(kube::name(*node)));
  };
  nodes_.addHandler({added, updated, deleted});
}

void Bridge::watchPods() {
  pods_.addIndex("node", [](const kube::Object& pod) {
    return isMirrorPod(pod) ? std::vector<std::string>() : single(kube::text(pod, {"spec", "nodeName"}));
  });
  pods_.addIndex("uid", [](const kube::Object& pod) {
    return isMirrorPod(pod) ? std::vector<std::string>() : single(kube::uid(pod));
  });
  pods_.addIndex("job", [](const kube::Object& pod) {
    if (!isMirrorPod(pod)) return std::vector<std::string>();
    return single(fmt::format("{}/{}", kube::label(pod, label::kCluster), kube::label(pod, label::kJobId)));
  });
  pods_.addHandler({[this](const kube::ObjectPtr& pod) { route(pod, Change::Present); },
                    [this](const kube::ObjectPtr&, const kube::ObjectPtr& pod) { route(pod, Change::Present); },
                    [this](const kube::ObjectPtr& pod) { route(pod, Change::Deleted); },
                    [this](const kube::ObjectPtr& pod) { route(pod, Change::Missing); }});
}

bool Bridge::trim(kube::Object& pod) const {
  if (isMirrorPod(pod)) {
    trimMirrorPod(pod);
    return true;
  }
  const std::string node(kube::text(pod, {"spec", "nodeName"}));
  if (node.empty()) return false;
  if (nodes_.get(node) != nullptr) return true;
  // Somebody else's, or of a Node that is about to be ours: only enough to find it again.
  kube::Object stub{
      {"metadata", {{"name", kube::name(pod)}, {"namespace", kube::nameSpace(pod)}, {"uid", kube::uid(pod)}}},
      {"spec", {{"nodeName", node}}}};
  pod = std::move(stub);
  return true;
}

void Bridge::route(const kube::ObjectPtr& pod, Change change) {
  if (isMirrorPod(*pod)) {
    const std::string_view cluster = kube::label(*pod, label::kCluster);
    const auto id = parseInt(kube::label(*pod, label::kJobId));
    for (auto& [name, site] : sites_) {
      if (id && toLabelValue(name) == cluster) site.session->mirrorPodChanged(static_cast<uint32_t>(*id));
    }
    return;
  }
  const kube::ObjectPtr node = nodes_.get(std::string(kube::text(*pod, {"spec", "nodeName"})));
  if (node == nullptr) {
    // Its Node is gone as well: every site is asked, and those that do not know it do nothing.
    for (auto& [name, site] : sites_) {
      if (site.session->runner().report(std::string(kube::uid(*pod))) == nullptr) continue;
      if (change == Change::Deleted) site.session->podGone(pod);
      if (change == Change::Missing) site.session->podMissing(pod);
    }
    return;
  }
  SiteSession* site = sessionOf(*node);
  if (site == nullptr) return;
  if (change == Change::Deleted) site->podGone(pod);
  if (change == Change::Missing) site->podMissing(pod);
  if (change == Change::Present) site->podChanged(pod);
}

SiteSession& Bridge::session(const std::string& cluster) {
  Site& site = sites_[cluster];
  if (site.session == nullptr) {
    site.session = std::make_unique<SiteSession>(executor_, shared_, cluster);
    group_.spawn("site " + cluster, site.session->run());
    for (const kube::ObjectPtr& node : nodes_.byIndex("cluster", toLabelValue(cluster))) site.session->nodeAdded(node);
  }
  return *site.session;
}

SiteSession* Bridge::sessionOf(const kube::Object& node) {
  const std::string cluster(kube::label(node, label::kCluster));
  if (cluster.empty()) return nullptr;
  for (auto& [name, site] : sites_) {
    if (toLabelValue(name) == cluster) return site.session.get();
  }
  return nullptr;
}

const SiteSession* Bridge::sessionOfNode(const std::string& node) const {
  const kube::ObjectPtr object = nodes_.get(node);
  return object == nullptr ? nullptr : const_cast<Bridge*>(this)->sessionOf(*object);
}

Task<void> Bridge::run() {
  group_.spawn("nodes informer", nodes_.run());
  group_.spawn("start", startAfterNodes());
  group_.spawn("leases", leases_.run());
  group_.spawn("events", events_.run());
  Task<void> ends = group_.join();
  co_await kube::stopAfter(std::move(ends), group_);
}

Task<void> Bridge::startAfterNodes() {
  // Which Pods are ours is told by the Nodes: they come first.
  co_await nodes_.waitSynced();
  for (const std::string& cluster : nodes_.indexValues("cluster")) session(cluster);
  group_.spawn("pods informer", pods_.run());
}

Task<void> Bridge::serve(tunnel::OpenTunnel tunnel) {
  co_await pods_.waitSynced();
  site::v1::HelloRequest request;
  request.set_controller_version(options_.version);
  Task<Result<site::v1::HelloResponse>> call = tunnel::callUnary<site::v1::HelloResponse>(
      tunnel.channel, std::string(kHello), std::move(request), kHelloDeadline);
  Result<site::v1::HelloResponse> hello = co_await std::move(call);
  if (!hello) {
    log::warn("agent at {}: {}", tunnel.peer.address, hello.error().message);
    co_return;
  }
  const std::string cluster = hello->cluster().empty() ? "slurm" : toValidUtf8(hello->cluster());
  SiteSession& site = session(cluster);
  Site& holder = sites_[cluster];
  const bool ids_known = !holder.agent_id.empty() && !hello->agent_id().empty();
  if (site.connected() && ids_known && holder.agent_id != hello->agent_id()) {
    log::error(
        "agent at {} says that it is of cluster {}, which an agent with another state directory serves: refused. Two "
        "agents must not share a certificate: stop one",
        tunnel.peer.address, cluster);
    co_return;
  }
  // The same agent may come with a renewed certificate while its old connection is not known to be broken yet.
  if (site.connected() && !ids_known && holder.fingerprint != tunnel.peer.fingerprint) {
    log::error(
        "agent at {} says that it is of cluster {}, which another agent with another certificate serves: refused",
        tunnel.peer.address, cluster);
    co_return;
  }
  holder.fingerprint = tunnel.peer.fingerprint;
  holder.agent_id = hello->agent_id();
  co_await site.serve(tunnel.channel, std::move(*hello));
}

size_t Bridge::connectedSites() const {
  return static_cast<size_t>(
      std::count_if(sites_.begin(), sites_.end(), [](const auto& site) { return site.second.session->connected(); }));
}

std::string Bridge::metrics() const {
  std::string out;
  const auto counter = [&out](std::string_view name, std::string_view help, uint64_t value) {
    out += fmt::format("# HELP slipway_{0} {1}\n# TYPE slipway_{0} counter\nslipway_{0} {2}\n", name, help, value);
  };
  const auto gauge = [&out](std::string_view name, std::string_view help, uint64_t value) {
    out += fmt::format("# HELP slipway_{0} {1}\n# TYPE slipway_{0} gauge\nslipway_{0} {2}\n", name, help, value);
  };
  counter("node_writes_total", "Writes to Node objects.", counters_.nodes_written);
  counter("node_deletes_total", "Nodes deleted because Slurm has them no more.", counters_.nodes_deleted);
  counter("mirror_pod_creates_total", "Pods created to show jobs.", counters_.mirror_pods_created);
  counter("mirror_pod_patches_total", "Writes to Pods that show jobs.", counters_.mirror_pods_patched);
  counter("mirror_pod_deletes_total", "Pods deleted whose jobs are gone.", counters_.mirror_pods_deleted);
  counter("submits_total", "Pods that the agents took.", counters_.submits);
  counter("submits_refused_total", "Submissions that were refused.", counters_.submits_refused);
  counter("cancels_total", "Cancellations sent.", counters_.cancels);
  counter("pod_status_writes_total", "Writes to the status of running Pods.", counters_.pod_status_written);
  counter("pod_reports_total", "Reports received.", counters_.reports);
  counter("volume_updates_total", "Changed volumes sent to running pods.", counters_.volume_updates);
  counter("reconcile_errors_total", "Reconciliations that will be tried again.", counters_.reconcile_errors);
  counter("lease_renewals_total", "Leases renewed.", leases_.renewals());
  counter("lease_failures_total", "Lease renewals that failed.", leases_.failures());
  counter("events_dropped_total", "Events over the limit.", events_.dropped());
  gauge("leases", "Leases kept.", leases_.size());
  gauge("nodes", "Nodes of ours.", nodes_.all().size());
  gauge("pods", "Pods in the copy.", pods_.all().size());
  gauge("sites_connected", "Agents connected.", connectedSites());
  return out;
}

}  // namespace slipway::bridge
