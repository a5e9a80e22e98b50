#include "base/files.h"
#include "base/strings.h"
#include "config/agent_config.h"
#include "config/controller_config.h"
#include "config/generate.h"
#include "config/issue.h"
#include "config/replace_identity.h"
#include "config/yaml_map.h"

namespace slipway::config {
namespace {

/// The Secret's inner file, or nothing for a plain one.
std::optional<std::string> secretData(const std::string& text, const std::string& path) {
  std::string kind;
  std::map<std::string, std::string> data;
  YamlMap manifest = YamlMap::parse(text, path);
  manifest.text("kind", kind);
  if (kind != "Secret") return std::nullopt;
  manifest.textMap("data", data);
  return data["config.yaml"];
}

Result<net::HostPort> hostOf(const std::string& certificate, const std::string& path) {
  TRY(const pki::Certificate parsed, pki::parseCertificate(certificate));
  if (!parsed.dns_names.empty()) return net::HostPort{parsed.dns_names.front(), 443};
  if (!parsed.ips.empty()) return net::HostPort{parsed.ips.front(), 443};
  return failure(Code::Invalid, "{}: the server certificate names no host", path);
}

}  // namespace

Status renewFiles(const RenewOptions& options, WallTime now) {
  TRY(std::string agent_text, readFile(options.agent_config));
  TRY(std::string controller_text, readFile(options.controller_config));
  TRY(const AgentConfig agent, parseAgentConfig(agent_text, options.agent_config));
  TRY(const ControllerConfig controller, loadControllerConfig(options.controller_config));
  TRY(const pki::Identity ca, tunnelCa(agent.mtls, options.agent_config, options.ca_key_file));
  TRY(const net::HostPort host, hostOf(controller.mtls.certificate, options.controller_config));
  TRY(const pki::Identity server, issueServer(ca, host, now, options.cert_days_valid));
  TRY(const pki::Identity client, issueClient(ca, now, options.cert_days_valid));
  TRY(const std::string new_agent, replaceIdentity(agent_text, agent.mtls, client));
  std::string new_controller;
  if (const auto encoded = secretData(controller_text, options.controller_config)) {
    TRY(const std::string inner, base64Decode(*encoded));
    TRY(const std::string renewed, replaceIdentity(inner, controller.mtls, server));
    new_controller = replaceAll(controller_text, *encoded, base64Encode(renewed));
  } else {
    TRY(new_controller, replaceIdentity(controller_text, controller.mtls, server));
  }
  TRY_STATUS(writeFileAtomic(options.agent_config, new_agent, 0600));
  return writeFileAtomic(options.controller_config, new_controller, 0600);
}

}  // namespace slipway::config
