#include "base/files.h"
#include "config/agent_config.h"
#include "config/generate.h"
#include "config/issue.h"
#include "config/replace_identity.h"

namespace slipway::config {

Status addAgentFile(const AddAgentOptions& options, WallTime now) {
  TRY(const std::string text, readFile(options.from));
  TRY(const AgentConfig agent, parseAgentConfig(text, options.from));
  TRY(const pki::Identity ca, tunnelCa(agent.mtls, options.from, options.ca_key_file));
  if (!options.force && std::filesystem::exists(options.agent_config)) {
    return failure(Code::AlreadyExists, "{} exists already; --force replaces it", options.agent_config);
  }
  TRY(const pki::Identity client, issueClient(ca, now, options.cert_days_valid));
  TRY(const std::string fresh, replaceIdentity(text, agent.mtls, client));
  return writeFileAtomic(options.agent_config, fresh, 0600);
}

}  // namespace slipway::config
