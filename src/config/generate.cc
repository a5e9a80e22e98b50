#include "config/generate.h"

#include <re2/re2.h>

#include <filesystem>

#include "base/files.h"
#include "base/strings.h"
#include "config/agent_config.h"
#include "config/controller_config.h"
#include "config/issue.h"
#include "net/tcp.h"

namespace slipway::config {
namespace {

Status checkRegex(const std::string& flag, const std::string& pattern) {
  const RE2 compiled(pattern, RE2::Quiet);
  if (compiled.ok()) return {};
  return failure(Code::Invalid, "{}: '{}' is not a regular expression: {}", flag, pattern, compiled.error());
}

Status check(const GenerateOptions& options) {
  if (options.slurm_account.empty()) return failure(Code::Invalid, "--slurm-account is required");
  if (options.slurm_partition.empty()) return failure(Code::Invalid, "--slurm-partition is required");
  if (options.cert_days_valid < 1) return failure(Code::Invalid, "--cert-days-valid must be at least 1");
  if (options.reconcile_nodes <= std::chrono::nanoseconds(0) ||
      options.reconcile_workloads <= std::chrono::nanoseconds(0)) {
    return failure(Code::Invalid, "--reconcile-nodes and --reconcile-workloads must be more than 0");
  }
  TRY_STATUS(checkRegex("--filter-partition", options.filter_partition));
  TRY_STATUS(checkRegex("--filter-node", options.filter_node));
  if (!matches(options.filter_partition, options.slurm_partition)) {
    return failure(Code::Invalid, "--slurm-partition: '{}' is not matched by --filter-partition '{}'",
                   options.slurm_partition, options.filter_partition);
  }
  for (const auto& [flag, value] : {std::pair{"--controller-secret-name", &options.controller_secret_name},
                                    {"--controller-secret-namespace", &options.controller_secret_namespace}}) {
    if (!isDnsSubdomain(*value)) return failure(Code::Invalid, "{}: '{}' is not a Kubernetes name", flag, *value);
  }
  return {};
}

/// A text as a YAML scalar that every reader takes for the same text (JSON is YAML).
std::string quoted(const std::string& text) {
  return boost::json::serialize(boost::json::string(text));
}

std::string indented(const std::string& pem, std::string_view indent) {
  std::string out;
  for (const std::string_view line : split(trim(pem), '\n')) out += fmt::format("{}{}\n", indent, line);
  return out;
}

std::string mtlsBlock(const Mtls& mtls) {
  return fmt::format("mTLSConfig:\n  ca: |\n{}  cert: |\n{}  key: |\n{}", indented(mtls.ca, "    "),
                     indented(mtls.certificate, "    "), indented(mtls.key, "    "));
}

std::string agentYaml(const GenerateOptions& options, const Mtls& mtls) {
  std::string out =
      fmt::format("endpoint: {}\n{}slurmConfig:\n  account: {}\n  partition: {}\n", quoted(options.agent_endpoint),
                  mtlsBlock(mtls), quoted(options.slurm_account), quoted(options.slurm_partition));
  if (options.filter_node.empty() && options.filter_partition.empty()) return out;
  out += "  filter:\n";
  if (!options.filter_node.empty()) out += fmt::format("    nodeRegex: {}\n", quoted(options.filter_node));
  if (!options.filter_partition.empty())
    out += fmt::format("    partitionRegex: {}\n", quoted(options.filter_partition));
  return out;
}

std::string controllerYaml(const GenerateOptions& options, const Mtls& mtls) {
  return fmt::format("{}port: {}\nreconcile:\n  nodeInterval: {}\n  workloadInterval: {}\n", mtlsBlock(mtls),
                     options.controller_port, formatDuration(options.reconcile_nodes),
                     formatDuration(options.reconcile_workloads));
}

std::string asSecret(const GenerateOptions& options, const std::string& yaml) {
  return fmt::format(
      "apiVersion: v1\nkind: Secret\nmetadata:\n  name: {}\n  namespace: {}\ntype: Opaque\ndata:\n  config.yaml: {}\n",
      options.controller_secret_name, options.controller_secret_namespace, base64Encode(yaml));
}

Status refuseExisting(const std::string& path) {
  std::error_code ignored;
  if (!std::filesystem::exists(path, ignored)) return {};
  return failure(Code::AlreadyExists, "{} exists: give --force to replace it, or another name", path);
}

}  // namespace

Result<GeneratedFiles> generate(const GenerateOptions& options, WallTime now) {
  TRY_STATUS(check(options));
  auto endpoint = net::parseHostPort(options.agent_endpoint, 443);
  if (!endpoint) return failure(endpoint.error().wrap("--agent-endpoint"));
  TRY(const pki::Identity ca, createTunnelCa(now, options.cert_days_valid));
  TRY(const pki::Identity server, issueServer(ca, *endpoint, now, options.cert_days_valid));
  TRY(const pki::Identity client, issueClient(ca, now, options.cert_days_valid));
  GeneratedFiles files;
  files.agent_yaml = agentYaml(options, {ca.certificate, client.certificate, client.key});
  files.controller_yaml = controllerYaml(options, {ca.certificate, server.certificate, server.key});
  if (options.controller_secret) files.controller_yaml = asSecret(options, files.controller_yaml);
  files.ca_key = ca.key;
  return files;
}

Status generateFiles(const GenerateOptions& options, WallTime now) {
  if (!options.force) {
    TRY_STATUS(refuseExisting(options.agent_config));
    TRY_STATUS(refuseExisting(options.controller_config));
    if (!options.ca_key_file.empty()) TRY_STATUS(refuseExisting(options.ca_key_file));
  }
  TRY(const GeneratedFiles files, generate(options, now));
  // The key first: without it the pair could never be renewed.
  if (!options.ca_key_file.empty()) TRY_STATUS(writeFileAtomic(options.ca_key_file, files.ca_key, 0600));
  TRY_STATUS(writeFileAtomic(options.agent_config, files.agent_yaml, 0600));
  return writeFileAtomic(options.controller_config, files.controller_yaml, 0600);
}

}  // namespace slipway::config
