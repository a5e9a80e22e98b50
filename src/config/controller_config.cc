#include "config/controller_config.h"

#include "base/files.h"
#include "base/strings.h"
#include "config/mtls_reader.h"
#include "config/yaml_map.h"

namespace slipway::config {
namespace {

using namespace std::chrono_literals;

void readPort(YamlMap& map, const std::string& key, uint16_t& out) {
  int64_t value = out;
  map.integer(key, value, 0, 65535);
  out = static_cast<uint16_t>(value);
}

void readReconcile(YamlMap& map, ControllerConfig& config) {
  map.duration("nodeInterval", config.node_interval, 1s);
  map.duration("workloadInterval", config.workload_interval, 1s);
}

void readTaint(YamlMap& map, Taint& taint) {
  map.text("key", taint.key);
  map.text("value", taint.value);
  map.choice("effect", taint.effect, {"NoSchedule", "PreferNoSchedule", "NoExecute"});
}

void readMirror(YamlMap& map, ControllerConfig& config) {
  map.choice("jobs", config.mirror, {"all", "partitions", "none"});
  map.texts("partitions", config.mirror_partitions);
  map.text("namespaceTemplate", config.mirror_namespace);
  if (config.mirror == "partitions" && config.mirror_partitions.empty()) {
    map.complain("jobs", "'partitions' needs a list under mirror.partitions");
  }
}

void readKubelet(YamlMap& map, ControllerConfig& config) {
  map.text("address", config.kubelet_address);
  map.text("listen", config.kubelet_listen);
  map.choice("certificate", config.kubelet_certificate, {"self-signed", "request", "approve"});
  readPort(map, "port", config.kubelet_port);
  std::string range;
  map.text("nodePorts", range);
  if (range.empty()) return;
  const auto [first, last] = splitOnce(range, '-');
  const auto low = parseInt(first);
  const auto high = parseInt(last);
  if (!low || !high || *low < 1 || *high > 65535 || *low > *high) {
    return map.complain("nodePorts", fmt::format("'{}' is not a range such as 20000-29999", range));
  }
  config.kubelet_port_first = static_cast<uint16_t>(*low);
  config.kubelet_port_last = static_cast<uint16_t>(*high);
}

}  // namespace

Result<ControllerConfig> parseControllerConfig(const std::string& text, const std::string& file) {
  ControllerConfig config;
  YamlMap map = YamlMap::parse(text, file);
  readMtls(map, config.mtls);
  readPort(map, "port", config.port);
  map.text("listen", config.listen);
  map.map("reconcile", [&](YamlMap& inner) { readReconcile(inner, config); });
  map.choice("nodes", config.nodes, {"one-to-one", "per-partition", "cluster"});
  map.map("taint", [&](YamlMap& inner) { readTaint(inner, config.taint); });
  map.map("mirror", [&](YamlMap& inner) { readMirror(inner, config); });
  map.texts("podNamespaces", config.pod_namespaces);
  map.map("kubelet", [&](YamlMap& inner) { readKubelet(inner, config); });
  map.duration("leaseInterval", config.lease_interval, 1s);
  map.duration("nodeGracePeriod", config.node_grace, 0s);
  map.text("metricsListen", config.metrics_listen);
  TRY_STATUS(map.finish());
  return config;
}

Result<ControllerConfig> loadControllerConfig(const std::string& path) {
  TRY(std::string text, readFile(path));
  std::string kind;
  std::map<std::string, std::string> data;
  YamlMap manifest = YamlMap::parse(text, path);
  manifest.text("kind", kind);
  if (kind == "Secret") {
    manifest.textMap("data", data);
    TRY(text, base64Decode(data["config.yaml"]));
  }
  return parseControllerConfig(text, path);
}

}  // namespace slipway::config
