#include "bridge/kubelet_backend.h"

#include "base/strings.h"
#include "bridge/kubelet_streams.h"
#include "bridge/names.h"
#include "bridge/pod_patches.h"
#include "kube/stop_after.h"

namespace slipway::bridge {
namespace {

using kube::Object;
using kube::ObjectPtr;

constexpr auto kStatsDeadline = std::chrono::seconds(5);
constexpr int64_t kMebibyte = 1024 * 1024;

site::v1::LogsRequest logsRequest(const kubelet::ContainerRef& container, const kubelet::LogOptions& options) {
  site::v1::LogsRequest request;
  request.set_pod_uid(container.uid);
  request.set_container(container.container);
  request.set_follow(options.follow);
  request.set_previous(options.previous);
  request.set_timestamps(options.timestamps);
  request.set_tail_lines(options.tail_lines);
  request.set_since_seconds(options.since_seconds);
  request.set_since_time_ns(options.since_time_ns);
  request.set_limit_bytes(options.limit_bytes);
  request.set_stream(options.stream);
  return request;
}

int64_t nowNs(const Clock& clock) {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(clock.now().time_since_epoch()).count();
}

// metrics-server takes a node whose figure is zero for one without figures.
constexpr int64_t kLeastMemoryMib = 1;
constexpr double kLeastCpuSeconds = 0.001;

/// What is in use on one Slurm node, or what is allocated where a Node stands for several. FreeMem may be more than
/// RealMemory: sites configure less than a machine has.
int64_t usedMemoryMib(const site::v1::Node& node, bool one_machine) {
  const bool measured = one_machine && node.memory_free_mib() >= 0;
  const int64_t used = measured ? node.memory_mib() - node.memory_free_mib() : node.memory_allocated_mib();
  return std::clamp<int64_t>(used, kLeastMemoryMib, std::max(kLeastMemoryMib, node.memory_mib()));
}

}  // namespace

std::optional<std::string> noLog(const Object& pod, const std::string& container, bool previous) {
  const Object* status = nullptr;
  for (const std::string_view list : {"containerStatuses", "initContainerStatuses", "ephemeralContainerStatuses"}) {
    for (const auto& item : kube::items(pod, {"status", list})) {
      if (item.is_object() && kube::text(item.get_object(), {"name"}) == container) status = &item.get_object();
    }
  }
  if (isFinal(pod) && kube::annotation(pod, annotation::kJobId).empty()) {
    return fmt::format("container \"{}\" in pod \"{}\" never ran: {}: {}", container, kube::name(pod),
                       kube::text(pod, {"status", "reason"}), kube::text(pod, {"status", "message"}));
  }
  const bool ended_before = status != nullptr && kube::find(*status, {"lastState", "terminated"}) != nullptr;
  if (ended_before) return std::nullopt;
  if (previous) {
    return fmt::format("previous terminated container \"{}\" in pod \"{}\" not found", container, kube::name(pod));
  }
  if (status != nullptr && kube::find(*status, {"state", "waiting"}) == nullptr) return std::nullopt;
  const std::string_view reason = status == nullptr ? "" : kube::text(*status, {"state", "waiting", "reason"});
  return fmt::format("container \"{}\" in pod \"{}\" is waiting to start: {}", container, kube::name(pod),
                     reason.empty() ? "ContainerCreating" : reason);
}

std::vector<Object> KubeletBackend::podsOf(const std::string& node) const {
  std::vector<Object> found;
  for (const auto& [key, pod] : bridge_.pods().all()) {
    const bool here = node.empty() || kube::text(*pod, {"spec", "nodeName"}) == node;
    if (here && pod->contains("status")) found.push_back(*pod);
  }
  return found;
}

std::optional<Object> KubeletBackend::findPod(const std::string& ns, const std::string& name) const {
  const ObjectPtr pod = bridge_.pods().get(ns + "/" + name);
  if (pod == nullptr || !pod->contains("status")) return std::nullopt;
  return *pod;
}

Result<const SiteSession*> KubeletBackend::siteOf(const std::string& node) const {
  const SiteSession* site = bridge_.sessionOfNode(node);
  if (site == nullptr) return failure(Code::NotFound, "node {} is not one of Slipway's", node);
  return site;
}

Task<Result<std::unique_ptr<tunnel::ClientCall>>> KubeletBackend::open(std::string node, std::string method,
                                                                       std::string first) const {
  CO_TRY(const SiteSession* site, siteOf(node));
  CO_TRY(const std::shared_ptr<tunnel::Channel> channel, site->link().channel());
  CO_TRY(std::unique_ptr<tunnel::ClientCall> call, co_await channel->open(std::move(method)));
  CO_TRY_STATUS(co_await call->send(std::move(first)));
  co_return call;
}

Task<Result<std::unique_ptr<kubelet::LogStream>>> KubeletBackend::logs(kubelet::ContainerRef container,
                                                                       kubelet::LogOptions options) {
  const std::optional<Object> pod = findPod(container.ns, container.pod);
  if (!pod) co_return failure(Code::NotFound, "pod {}/{} is not here", container.ns, container.pod);
  site::v1::LogsRequest request = logsRequest(container, options);
  const std::string node(kube::text(*pod, {"spec", "nodeName"}));
  if (isMirrorPod(*pod)) {
    const auto id = static_cast<uint32_t>(parseInt(kube::label(*pod, label::kJobId)).value_or(0));
    CO_TRY(const SiteSession* shown_by, siteOf(node));
    if (!shown_by->showsJob(id, container.ns, container.pod)) {
      co_return failure(Code::NotFound, "pod {}/{} has the labels of Slurm job {} but does not show it", container.ns,
                        container.pod, id);
    }
    request.clear_pod_uid();
    request.set_job_id(id);
  } else if (const std::optional<std::string> waiting = noLog(*pod, container.container, options.previous)) {
    co_return failure(Code::BadRequest, *waiting);
  }
  CO_TRY(const SiteSession* site, siteOf(node));
  co_return co_await logStream(site->link(), std::move(request));
}

Task<Result<std::unique_ptr<kubelet::ExecSession>>> KubeletBackend::exec(kubelet::ContainerRef container,
                                                                         kubelet::ExecOptions options) {
  const std::optional<Object> pod = findPod(container.ns, container.pod);
  if (!pod) co_return failure(Code::NotFound, "pod {}/{} is not here", container.ns, container.pod);
  if (isMirrorPod(*pod)) {
    co_return failure(Code::Forbidden,
                      "pod {} shows a Slurm job that was not started by Kubernetes: nothing can be run in it",
                      container.pod);
  }
  if (const std::optional<std::string> waiting = noLog(*pod, container.container, false)) {
    co_return failure(Code::BadRequest, *waiting);
  }
  site::v1::ExecInput first;
  site::v1::ExecStart& start = *first.mutable_start();
  start.set_pod_uid(container.uid);
  start.set_container(container.container);
  for (const std::string& word : options.command) start.add_command(word);
  start.set_attach(options.attach);
  start.set_tty(options.tty);
  start.set_stdin(options.stdin_open);
  start.set_stdout(options.stdout_open);
  start.set_stderr(options.stderr_open);
  const std::string node(kube::text(*pod, {"spec", "nodeName"}));
  CO_TRY(std::unique_ptr<tunnel::ClientCall> call, co_await open(node, kExec, first.SerializeAsString()));
  co_return execSession(std::move(call));
}

Task<Result<std::unique_ptr<kubelet::PortSession>>> KubeletBackend::portForward(kubelet::ContainerRef ref,
                                                                                uint16_t port) {
  const std::optional<Object> pod = findPod(ref.ns, ref.pod);
  if (!pod) co_return failure(Code::NotFound, "pod {}/{} is not here", ref.ns, ref.pod);
  if (isMirrorPod(*pod)) co_return failure(Code::Forbidden, "pod {} shows a Slurm job: it has no ports", ref.pod);
  site::v1::PortData first;
  first.set_pod_uid(ref.uid);
  first.set_port(port);
  const std::string node(kube::text(*pod, {"spec", "nodeName"}));
  CO_TRY(std::unique_ptr<tunnel::ClientCall> call, co_await open(node, kPortForward, first.SerializeAsString()));
  co_return portSession(std::move(call));
}

Task<Result<kubelet::NodeStats>> KubeletBackend::nodeStats(std::string node) {
  CO_TRY(const SiteSession* site, siteOf(node));
  const std::optional<NodeView> view = site->catalog().view(node, site->inventory());
  if (!view) co_return failure(Code::ServiceUnavailable, "node {}: Slurm has not told of it yet", node);
  kubelet::NodeStats stats;
  stats.time_ns = nowNs(clock_);
  const site::v1::Node& slurm = view->node;
  const int64_t used = usedMemoryMib(slurm, !view->slurm_node.empty());
  stats.usage.memory_working_set = used * kMebibyte;
  stats.memory_available = (slurm.memory_mib() - used) * kMebibyte;
  stats.usage.started_at_ns = slurm.boot_time() * 1'000'000'000;
  // Slurm knows a load and no counter: the integral of the load is one.
  Integral& integral = cpu_.try_emplace(node, Integral{.cpu_seconds = kLeastCpuSeconds}).first->second;
  const SteadyTime now = clock_.steady();
  const double load = slurm.cpu_load() >= 0 && !view->slurm_node.empty() ? slurm.cpu_load()
                                                                         : static_cast<double>(slurm.cpus_allocated());
  if (integral.at != SteadyTime{}) {
    const double seconds = std::chrono::duration<double>(now - integral.at).count();
    integral.cpu_seconds += std::clamp(load, 0.0, static_cast<double>(std::max<int64_t>(slurm.cpus(), 1))) * seconds;
  }
  integral.at = now;
  stats.usage.cpu_nanoseconds = static_cast<int64_t>(integral.cpu_seconds * 1e9);
  co_return stats;
}

Task<void> KubeletBackend::statsOf(ObjectPtr pod, const SiteSession& site, std::vector<kubelet::PodStats>& out) const {
  site::v1::StatsRequest request;
  request.set_pod_uid(std::string(kube::uid(*pod)));
  const Result<site::v1::StatsResponse> answer =
      co_await site.link().call<site::v1::StatsResponse>(kStats, std::move(request), kStatsDeadline);
  if (!answer) co_return;
  kubelet::PodStats stats;
  stats.ns = std::string(kube::nameSpace(*pod));
  stats.name = std::string(kube::name(*pod));
  stats.uid = std::string(kube::uid(*pod));
  stats.time_ns = answer->time_ns();
  for (const site::v1::ContainerStats& from : answer->containers()) {
    kubelet::ContainerStats container;
    container.name = from.name();
    container.usage.cpu_nanoseconds = static_cast<int64_t>(from.cpu_usage_ns());
    container.usage.memory_working_set = static_cast<int64_t>(from.memory_working_set());
    container.usage.memory_rss = static_cast<int64_t>(from.memory_rss());
    container.usage.started_at_ns = from.started_at_ns();
    const bool earlier = stats.started_at_ns == 0 || from.started_at_ns() < stats.started_at_ns;
    if (from.started_at_ns() != 0 && earlier) stats.started_at_ns = from.started_at_ns();
    stats.containers.push_back(std::move(container));
  }
  out.push_back(std::move(stats));
}

Task<Result<std::vector<kubelet::PodStats>>> KubeletBackend::podStats(std::string node) {
  CO_TRY(const SiteSession* site, siteOf(node));
  std::vector<kubelet::PodStats> found;
  const Executor executor = co_await async::thisExecutor();
  async::TaskGroup group(executor);
  for (const ObjectPtr& pod : bridge_.pods().byIndex("node", node)) {
    const site::v1::PodReport* report = site->runner().report(std::string(kube::uid(*pod)));
    const bool runs = report != nullptr && report->stage() == site::v1::PodReport::RUNNING;
    if (runs) group.spawn("stats", statsOf(pod, *site, found));
  }
  Task<void> ends = group.join();
  co_await kube::stopAfter(std::move(ends), group);
  co_return found;
}

}  // namespace slipway::bridge
