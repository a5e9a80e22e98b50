#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "config/agent_config.h"

namespace slipway::config {

/// Taint of every virtual node; an empty key means none.
struct Taint {
  std::string key = "slipway.dev/slurm";
  std::string value;
  std::string effect = "NoSchedule";
};

/// What controller.yaml says (docs/configuration.md has every key).
struct ControllerConfig {
  Mtls mtls;
  uint16_t port = 40404;  ///< agents dial it; 0 takes a free one (tests)
  std::string listen;     ///< address; "": all
  /// How soon a change may be written again; the agent's poll interval decides how soon it is seen.
  std::chrono::nanoseconds node_interval = std::chrono::minutes(1);
  std::chrono::nanoseconds workload_interval = std::chrono::minutes(1);
  std::string nodes = "one-to-one";  ///< one-to-one, per-partition, cluster
  Taint taint;
  std::string mirror = "all";  ///< all, partitions, none
  std::vector<std::string> mirror_partitions;
  std::string mirror_namespace = "slipway-jobs";  ///< may hold {account}, {user}, {partition}
  std::vector<std::string> pod_namespaces;        ///< whose pods may run; empty: all but the system's
  std::string kubelet_address;                    ///< by which the API server reaches us; "": SLIPWAY_ADDRESS
  std::string kubelet_listen;                     ///< "": all
  /// self-signed; request: asked for at the cluster's signer; approve: and approved by us.
  std::string kubelet_certificate = "self-signed";
  uint16_t kubelet_port = 10250;        ///< the shared port; 0 takes a free one
  uint16_t kubelet_port_first = 20000;  ///< range with one port for each node
  uint16_t kubelet_port_last = 29999;
  std::chrono::nanoseconds lease_interval = std::chrono::seconds(10);
  std::chrono::nanoseconds node_grace = std::chrono::minutes(5);  ///< before a node that left Slurm is deleted
  std::string metrics_listen;                                     ///< "": no /metrics
};

Result<ControllerConfig> parseControllerConfig(const std::string& text, const std::string& file);
/// The plain file, or a Secret manifest that holds it under config.yaml.
Result<ControllerConfig> loadControllerConfig(const std::string& path);

}  // namespace slipway::config
