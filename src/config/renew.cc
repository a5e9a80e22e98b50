#include <vector>

#include "base/files.h"
#include "base/strings.h"
#include "config/agent_config.h"
#include "config/controller_config.h"
#include "config/generate.h"
#include "config/issue.h"
#include "config/yaml_map.h"

namespace slipway::config {
namespace {

/// Replaces the lines of one PEM text by those of another where they stand, with their indentation.
Result<std::string> replacePem(const std::string& text, const std::string& before, const std::string& after) {
  const std::vector<std::string_view> lines = split(text, '\n');
  const std::vector<std::string_view> wanted = split(trim(before), '\n');
  const auto standsAt = [&](size_t at) {
    for (size_t i = 0; i < wanted.size(); ++i) {
      if (trim(lines[at + i]) != trim(wanted[i])) return false;
    }
    return true;
  };
  for (size_t at = 0; at + wanted.size() <= lines.size(); ++at) {
    if (!standsAt(at)) continue;
    const std::string_view indent = lines[at].substr(0, lines[at].find('-'));
    std::vector<std::string> out(lines.begin(), lines.begin() + static_cast<ptrdiff_t>(at));
    for (const std::string_view line : split(trim(after), '\n')) out.push_back(fmt::format("{}{}", indent, line));
    out.insert(out.end(), lines.begin() + static_cast<ptrdiff_t>(at + wanted.size()), lines.end());
    return join(out, "\n");
  }
  return failure(Code::Invalid, "the certificate is not written as a block of lines (|): generate the pair anew");
}

Result<std::string> replaceIdentity(std::string text, const Mtls& old, const pki::Identity& fresh) {
  TRY(text, replacePem(text, old.certificate, fresh.certificate));
  return replacePem(text, old.key, fresh.key);
}

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
  if (options.ca_key_file.empty()) {
    return failure(Code::Invalid, "--ca-key is required: the file that `config generate --ca-key` wrote");
  }
  TRY(const std::string ca_key, readFile(options.ca_key_file));
  TRY(std::string agent_text, readFile(options.agent_config));
  TRY(std::string controller_text, readFile(options.controller_config));
  TRY(const AgentConfig agent, parseAgentConfig(agent_text, options.agent_config));
  TRY(const ControllerConfig controller, loadControllerConfig(options.controller_config));
  const pki::Identity ca{agent.mtls.ca, ca_key};
  if (auto fits = pki::checkKeyMatches(ca.certificate, ca.key); !fits) {
    return failure(
        fits.error().wrap(fmt::format("{} is not the key of the CA in {}", options.ca_key_file, options.agent_config)));
  }
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
