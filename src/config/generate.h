#pragma once

#include <chrono>
#include <string>

#include "base/clock.h"

namespace slipway::config {

/// What `slipway config generate` is asked for. Names and defaults are those of Supernetes' tool.
struct GenerateOptions {
  std::string agent_config = "agent.yaml";
  std::string agent_endpoint = "localhost:40404";  ///< host:port; a name or an IP
  std::string controller_config = "controller.yaml";
  uint16_t controller_port = 40404;
  bool controller_secret = true;  ///< wrap controller.yaml in a Secret manifest
  std::string controller_secret_name = "supernetes-config";
  std::string controller_secret_namespace = "supernetes";
  std::chrono::nanoseconds reconcile_nodes = std::chrono::minutes(1);
  std::chrono::nanoseconds reconcile_workloads = std::chrono::minutes(1);
  std::string slurm_account;
  std::string slurm_partition;
  std::string filter_partition;
  std::string filter_node;
  int64_t cert_days_valid = 3650;
  std::string ca_key_file;  ///< "": the CA's key is thrown away and certificates cannot be renewed
  bool force = false;       ///< replace files that exist
};

struct GeneratedFiles {
  std::string agent_yaml;
  std::string controller_yaml;
  std::string ca_key;
};

/// The texts of a linked pair: one new CA, a server certificate for the endpoint's host, a client certificate.
/// Invalid names the flag that is wrong.
Result<GeneratedFiles> generate(const GenerateOptions& options, WallTime now);

/// generate(), then writes the files, mode 0600, all or none; AlreadyExists when one is there and `force` is not set.
Status generateFiles(const GenerateOptions& options, WallTime now);

struct AddAgentOptions {
  std::string from = "agent.yaml";  ///< an agent's file of the same controller
  std::string agent_config;         ///< the file to write
  std::string ca_key_file;
  int64_t cert_days_valid = 3650;
  bool force = false;  ///< replace a file that exists
};

/// The file of one more agent (another Slurm cluster) of a controller: a copy of `from` with a certificate of its own,
/// by which the controller tells the two apart. AlreadyExists when the file is there and `force` is not set.
Status addAgentFile(const AddAgentOptions& options, WallTime now);

struct RenewOptions {
  std::string agent_config = "agent.yaml";
  std::string controller_config = "controller.yaml";
  std::string ca_key_file;
  int64_t cert_days_valid = 3650;
};

/// New certificates and keys from the same CA, put into both files in place; everything else in them stays as it is.
Status renewFiles(const RenewOptions& options, WallTime now);

}  // namespace slipway::config
