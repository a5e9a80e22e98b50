#include "kubelet/metrics.h"

namespace slipway::kubelet {
namespace {

constexpr double kNanoseconds = 1e9;

// One family of the Prometheus text format; nothing at all while it has no sample.
class Family {
 public:
  Family(std::string_view name, std::string_view type, std::string_view help)
      : name_(name), head_(fmt::format("# HELP {0} {1}\n# TYPE {0} {2}\n", name, help, type)) {}

  void add(std::string_view labels, double value, int64_t time_ns) {
    if (text_.empty()) text_ = head_;
    text_.append(name_);
    if (!labels.empty()) text_.append("{").append(labels).append("}");
    fmt::format_to(std::back_inserter(text_), " {}", value);
    if (time_ns > 0) fmt::format_to(std::back_inserter(text_), " {}", time_ns / 1000000);
    text_.append("\n");
  }
  const std::string& text() const { return text_; }

 private:
  std::string_view name_;
  std::string head_;
  std::string text_;
};

// Names of pods, namespaces and containers cannot hold a character that would need an escape.
std::string podLabels(const PodStats& pod) {
  return fmt::format("namespace=\"{}\",pod=\"{}\"", pod.ns, pod.name);
}

}  // namespace

int64_t sumOf(const PodStats& pod, int64_t Usage::* figure) {
  int64_t sum = -1;
  for (const ContainerStats& container : pod.containers) {
    const int64_t value = container.usage.*figure;
    if (value >= 0) sum = std::max<int64_t>(sum, 0) + value;
  }
  return sum;
}

std::string resourceMetrics(const std::optional<NodeStats>& node, const std::vector<PodStats>& pods, bool failed) {
  Family container_cpu("container_cpu_usage_seconds_total", "counter",
                       "[STABLE] Cumulative cpu time consumed by the container in core-seconds");
  Family container_memory("container_memory_working_set_bytes", "gauge",
                          "[STABLE] Current working set of the container in bytes");
  Family container_start("container_start_time_seconds", "gauge",
                         "[STABLE] Start time of the container since unix epoch in seconds");
  Family node_cpu("node_cpu_usage_seconds_total", "counter",
                  "[STABLE] Cumulative cpu time consumed by the node in core-seconds");
  Family node_memory("node_memory_working_set_bytes", "gauge", "[STABLE] Current working set of the node in bytes");
  Family pod_cpu("pod_cpu_usage_seconds_total", "counter",
                 "[STABLE] Cumulative cpu time consumed by the pod in core-seconds");
  Family pod_memory("pod_memory_working_set_bytes", "gauge", "[STABLE] Current working set of the pod in bytes");
  Family resource_error("resource_scrape_error", "gauge",
                        "[STABLE] 1 if there was an error while getting container metrics, 0 otherwise");
  Family error(
      "scrape_error", "gauge",
      "[ALPHA] (Deprecated since 1.29.0) 1 if there was an error while getting container metrics, 0 otherwise");

  for (const PodStats& pod : pods) {
    for (const ContainerStats& container : pod.containers) {
      const std::string labels = fmt::format("container=\"{}\",{}", container.name, podLabels(pod));
      const Usage& usage = container.usage;
      if (usage.cpu_nanoseconds >= 0) {
        container_cpu.add(labels, static_cast<double>(usage.cpu_nanoseconds) / kNanoseconds, pod.time_ns);
      }
      if (usage.memory_working_set >= 0) {
        container_memory.add(labels, static_cast<double>(usage.memory_working_set), pod.time_ns);
      }
      if (usage.started_at_ns > 0) {
        container_start.add(labels, static_cast<double>(usage.started_at_ns) / kNanoseconds, 0);
      }
    }
    const int64_t cpu = sumOf(pod, &Usage::cpu_nanoseconds);
    const int64_t memory = sumOf(pod, &Usage::memory_working_set);
    if (cpu >= 0) pod_cpu.add(podLabels(pod), static_cast<double>(cpu) / kNanoseconds, pod.time_ns);
    if (memory >= 0) pod_memory.add(podLabels(pod), static_cast<double>(memory), pod.time_ns);
  }
  if (node && node->usage.cpu_nanoseconds >= 0) {
    node_cpu.add("", static_cast<double>(node->usage.cpu_nanoseconds) / kNanoseconds, node->time_ns);
  }
  if (node && node->usage.memory_working_set >= 0) {
    node_memory.add("", static_cast<double>(node->usage.memory_working_set), node->time_ns);
  }
  const double bad = failed || !node ? 1 : 0;
  resource_error.add("", bad, 0);
  error.add("", bad, 0);
  return container_cpu.text() + container_memory.text() + container_start.text() + node_cpu.text() +
         node_memory.text() + pod_cpu.text() + pod_memory.text() + resource_error.text() + error.text();
}

}  // namespace slipway::kubelet
