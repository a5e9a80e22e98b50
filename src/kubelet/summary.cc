#include "kubelet/summary.h"

#include "base/clock.h"
#include "kubelet/metrics.h"

namespace slipway::kubelet {
namespace {

namespace json = boost::json;
constexpr int64_t kSecond = 1000000000;
constexpr size_t kManySamples = 4096;
constexpr int64_t kForgetAfter = 600 * kSecond;

std::string timeText(int64_t ns) {
  return formatTime(WallTime(std::chrono::duration_cast<WallTime::duration>(std::chrono::nanoseconds(ns))));
}

void addCpu(json::object& out, const std::string& key, int64_t cpu, int64_t time_ns, CpuRates& rates) {
  if (cpu < 0) return;
  json::object document{{"time", timeText(time_ns)}};
  if (const auto rate = rates.rate(key, cpu, time_ns)) document["usageNanoCores"] = *rate;
  document["usageCoreNanoSeconds"] = cpu;
  out["cpu"] = std::move(document);
}

void addMemory(json::object& out, int64_t available, int64_t working_set, int64_t rss, int64_t time_ns) {
  if (working_set < 0 && available < 0 && rss < 0) return;
  json::object document{{"time", timeText(time_ns)}};
  if (available >= 0) document["availableBytes"] = available;
  if (working_set >= 0) {
    document["usageBytes"] = working_set;
    document["workingSetBytes"] = working_set;
  }
  if (rss >= 0) document["rssBytes"] = rss;
  out["memory"] = std::move(document);
}

json::object containerDocument(const PodStats& pod, const ContainerStats& container, CpuRates& rates) {
  const Usage& usage = container.usage;
  json::object out{{"name", container.name}};
  if (usage.started_at_ns > 0) out["startTime"] = timeText(usage.started_at_ns);
  addCpu(out, pod.uid + "/" + container.name, usage.cpu_nanoseconds, pod.time_ns, rates);
  addMemory(out, -1, usage.memory_working_set, usage.memory_rss, pod.time_ns);
  return out;
}

json::object podDocument(const PodStats& pod, CpuRates& rates) {
  json::object out{{"podRef", json::object{{"name", pod.name}, {"namespace", pod.ns}, {"uid", pod.uid}}}};
  if (pod.started_at_ns > 0) out["startTime"] = timeText(pod.started_at_ns);
  json::array containers;
  for (const ContainerStats& container : pod.containers) {
    containers.emplace_back(containerDocument(pod, container, rates));
  }
  out["containers"] = std::move(containers);
  addCpu(out, pod.uid, sumOf(pod, &Usage::cpu_nanoseconds), pod.time_ns, rates);
  addMemory(out, -1, sumOf(pod, &Usage::memory_working_set), sumOf(pod, &Usage::memory_rss), pod.time_ns);
  return out;
}

}  // namespace

std::optional<int64_t> CpuRates::rate(const std::string& key, int64_t cpu_nanoseconds, int64_t time_ns) {
  if (samples_.size() > kManySamples) forgetOld(time_ns);
  Sample& last = samples_[key];
  const int64_t passed = time_ns - last.time;
  if (passed <= 0) return last.rate;
  const bool comparable = last.time > 0 && cpu_nanoseconds >= last.cpu;
  const double cores = static_cast<double>(cpu_nanoseconds - last.cpu) / static_cast<double>(passed);
  last.rate = comparable ? std::optional(static_cast<int64_t>(cores * kSecond)) : std::nullopt;
  last.cpu = cpu_nanoseconds;
  last.time = time_ns;
  return last.rate;
}

void CpuRates::forgetOld(int64_t now_ns) {
  std::erase_if(samples_, [&](const auto& entry) { return entry.second.time < now_ns - kForgetAfter; });
}

kube::Object summaryOf(const std::string& node_name, const NodeStats& node, const std::vector<PodStats>& pods,
                       CpuRates& rates) {
  json::object node_document{{"nodeName", node_name}, {"systemContainers", json::array()}};
  if (node.usage.started_at_ns > 0) node_document["startTime"] = timeText(node.usage.started_at_ns);
  addCpu(node_document, "node " + node_name, node.usage.cpu_nanoseconds, node.time_ns, rates);
  addMemory(node_document, node.memory_available, node.usage.memory_working_set, node.usage.memory_rss, node.time_ns);
  json::array pod_documents;
  for (const PodStats& pod : pods) pod_documents.emplace_back(podDocument(pod, rates));
  return {{"node", std::move(node_document)}, {"pods", std::move(pod_documents)}};
}

}  // namespace slipway::kubelet
