#include "config/agent_config.h"

#include <re2/re2.h>

#include "base/files.h"
#include "config/mtls_reader.h"
#include "config/yaml_map.h"
#include "net/tcp.h"

namespace slipway::config {
namespace {

using namespace std::chrono_literals;

void readFilter(YamlMap& map, Filter& filter) {
  map.regex("nodeRegex", filter.node_regex);
  map.regex("partitionRegex", filter.partition_regex);
}

void readSlurm(YamlMap& map, AgentConfig& config) {
  map.text("account", config.account);
  map.text("partition", config.partition);
  map.text("binDir", config.slurm_bin_dir);
  map.map("filter", [&](YamlMap& inner) { readFilter(inner, config.filter); });
  // Pods that name no partition would be submitted to one whose nodes nobody sees.
  if (!config.partition.empty() && !matches(config.filter.partition_regex, config.partition)) {
    map.complain("partition", fmt::format("'{}' is not matched by filter.partitionRegex", config.partition));
  }
}

void readHub(YamlMap& map, AgentConfig& config) {
  map.text("listen", config.hub_listen);
  map.texts("addresses", config.hub_addresses);
  map.choice("secrets", config.hub_secrets, {"auto", "hub", "file"});
}

void readImages(YamlMap& map, AgentConfig& config) {
  map.text("cacheDir", config.image_cache_dir);
  map.integer("cacheBytes", config.image_cache_bytes, 0, INT64_MAX);
  map.textMap("mirrors", config.registry_mirrors);
  map.texts("insecureRegistries", config.insecure_registries);
  map.texts("localPaths", config.local_image_paths);
}

void readVolumes(YamlMap& map, AgentConfig& config) {
  map.boolean("hostPath", config.allow_host_path);
}

void readLogs(YamlMap& map, AgentConfig& config) {
  map.integer("maxFileBytes", config.log_piece_bytes, 1024 * 1024, INT64_MAX);
  map.integer("maxFiles", config.log_pieces, 2, 1000);
}

}  // namespace

bool matches(const std::string& regex, const std::string& text) {
  return regex.empty() || RE2::PartialMatch(text, regex);
}

Result<AgentConfig> parseAgentConfig(const std::string& text, const std::string& file) {
  AgentConfig config;
  YamlMap map = YamlMap::parse(text, file);
  map.text("endpoint", config.endpoint, true);
  readMtls(map, config.mtls);
  map.map("slurmConfig", [&](YamlMap& inner) { readSlurm(inner, config); });
  map.text("cluster", config.cluster);
  map.text("stateDir", config.state_dir);
  map.duration("pollInterval", config.poll_interval, 1s);
  map.duration("keepDeleted", config.keep_deleted, 1s);
  map.duration("keepEnded", config.keep_ended, 1s);
  map.text("proxy", config.proxy);
  map.map("hub", [&](YamlMap& inner) { readHub(inner, config); });
  map.choice("runtime", config.runtime, {"apptainer", "singularity", "charliecloud", "host"});
  map.map("images", [&](YamlMap& inner) { readImages(inner, config); });
  map.map("logs", [&](YamlMap& inner) { readLogs(inner, config); });
  map.map("volumes", [&](YamlMap& inner) { readVolumes(inner, config); });
  map.text("metricsListen", config.metrics_listen);
  if (!config.endpoint.empty()) {
    if (auto parsed = net::parseHostPort(config.endpoint, 443); !parsed) {
      map.complain("endpoint", parsed.error().message);
    }
  }
  TRY_STATUS(map.finish());
  return config;
}

Result<AgentConfig> loadAgentConfig(const std::string& path) {
  TRY(const std::string text, readFile(path));
  return parseAgentConfig(text, path);
}

}  // namespace slipway::config
