#pragma once

#include <chrono>
#include <map>
#include <string>
#include <vector>

#include "base/result.h"

namespace slipway::config {

/// Certificates of one end of the tunnel, as PEM texts.
struct Mtls {
  std::string ca;
  std::string certificate;
  std::string key;
};

/// Which nodes and partitions are shown: RE2 patterns, unanchored; "" matches all.
struct Filter {
  std::string node_regex;
  std::string partition_regex;
};

/// What agent.yaml says (docs/configuration.md has every key).
struct AgentConfig {
  std::string endpoint;  ///< "host:port" of the controller; port 443 if left out
  Mtls mtls;
  std::string account;  ///< for pods that name none; "" leaves it to Slurm
  std::string partition;
  Filter filter;
  std::string cluster;    ///< "": Slurm's ClusterName
  std::string state_dir;  ///< on a file system that compute nodes see; "": ~/.local/state/slipway
  std::chrono::nanoseconds poll_interval = std::chrono::seconds(15);
  std::chrono::nanoseconds keep_deleted = std::chrono::minutes(10);  ///< what is left of a deleted pod
  std::chrono::nanoseconds keep_ended = std::chrono::hours(24 * 7);  ///< of one that ended and was never deleted
  std::string proxy;  ///< http://[user:password@]host:port; "": HTTPS_PROXY, "none": never
  std::string hub_listen =
      "0.0.0.0:0";  ///< where supervisors dial; port 0 takes a free one, kept in the state directory
  std::vector<std::string> hub_addresses;  ///< names by which compute nodes reach this host; empty: its host name
  std::string hub_secrets = "auto";        ///< how secrets reach supervisors: auto, hub, file
  std::string runtime;                     ///< "": the first of apptainer, singularity, charliecloud that is there
  std::string slurm_bin_dir;               ///< "": PATH
  std::string image_cache_dir;             ///< "": <state_dir>/images
  int64_t image_cache_bytes = 0;           ///< 0: no limit
  std::map<std::string, std::string> registry_mirrors;  ///< registry → host that is asked instead
  std::vector<std::string> insecure_registries;
  std::vector<std::string> local_image_paths;            ///< directories under which images may be named by path
  bool allow_host_path = true;                           ///< volumes that are directories of the node
  int64_t log_piece_bytes = int64_t{256} * 1024 * 1024;  ///< of one log file of a container
  int64_t log_pieces = 5;                                ///< files of one start's log
  std::string metrics_listen;                            ///< "": no /metrics
};

/// `file` is used in errors only.
Result<AgentConfig> parseAgentConfig(const std::string& text, const std::string& file);
Result<AgentConfig> loadAgentConfig(const std::string& path);

/// True if the pattern is empty or matches somewhere in the text.
bool matches(const std::string& regex, const std::string& text);

}  // namespace slipway::config
