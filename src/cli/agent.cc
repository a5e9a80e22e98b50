#include "agent/agent.h"

#include <pwd.h>
#include <unistd.h>

#include <re2/re2.h>

#include <CLI/App.hpp>
#include <memory>

#include "async/loop.h"
#include "async/process.h"
#include "base/files.h"
#include "cli/command.h"
#include "cli/health_server.h"
#include "cli/places.h"
#include "config/agent_config.h"
#include "config/mtls_reload.h"
#include "kube/stop_after.h"
#include "net/tcp.h"
#include "pod/site_settings.h"
#include "slurm/slurm_driver.h"
#include "tunnel/endpoint.h"

namespace slipway::cli {
namespace {

/// Whether the controller is reached, and why not.
struct Connection {
  bool connected = false;
  std::string why = "not dialled yet";
};

std::string userName() {
  const std::string user = environment("USER");
  if (!user.empty()) return user;
  const passwd* entry = ::getpwuid(::getuid());
  return entry == nullptr ? std::to_string(::getuid()) : entry->pw_name;
}

agent::AgentOptions optionsOf(const config::AgentConfig& config) {
  agent::AgentOptions options;
  options.cluster = config.cluster;
  options.state_dir = stateDirectoryOf(config);
  options.binary = ownBinary();
  options.version = version();
  options.user = userName();
  options.home = environment("HOME");
  options.uid = ::getuid();
  options.default_partition = config.partition;
  options.default_account = config.account;
  options.hub_listen = config.hub_listen;
  options.hub_addresses = config.hub_addresses;
  options.attempts.secrets = config.hub_secrets == "hub"    ? agent::SecretsWay::Hub
                             : config.hub_secrets == "file" ? agent::SecretsWay::File
                                                            : agent::SecretsWay::Auto;
  options.poll_interval = config.poll_interval;
  options.attempts.keep_deleted = std::chrono::duration_cast<std::chrono::seconds>(config.keep_deleted);
  options.attempts.keep_ended = std::chrono::duration_cast<std::chrono::seconds>(config.keep_ended);
  const auto chosenBy = [](const std::string& regex) -> std::function<bool(const std::string&)> {
    if (regex.empty()) return nullptr;
    const auto compiled = std::make_shared<re2::RE2>(regex);
    return [compiled](const std::string& name) { return re2::RE2::PartialMatch(name, *compiled); };
  };
  options.filter = {chosenBy(config.filter.node_regex), chosenBy(config.filter.partition_regex)};
  return options;
}

/// What supervisors must know of agent.yaml.
Status leaveSettings(const config::AgentConfig& config) {
  const std::filesystem::path state = stateDirectoryOf(config);
  pod::SiteSettings settings;
  settings.default_runtime = config.runtime;
  settings.image_root =
      config.image_cache_dir.empty() ? state / "images" : std::filesystem::path(config.image_cache_dir);
  settings.image_bytes = config.image_cache_bytes;
  settings.allow_host_path = config.allow_host_path;
  settings.log_limits = {config.log_piece_bytes, config.log_pieces};
  settings.local_images = config.local_image_paths;
  settings.insecure_registries = config.insecure_registries;
  settings.registry_mirrors = config.registry_mirrors;
  TRY_STATUS(makeDirectories(state, 0700));
  return pod::writeSiteSettings(state, settings);
}

Result<std::shared_ptr<net::Dialer>> dialerWith(const config::AgentConfig& config, const config::Mtls& mtls) {
  TRY(const net::HostPort where, net::parseHostPort(config.endpoint, 443));
  net::TlsOptions tls;
  tls.certificate = mtls.certificate;
  tls.key = mtls.key;
  tls.ca = mtls.ca;
  tls.only_tls13 = true;
  tls.alpn = {"h2"};
  tls.require_alpn = true;
  TRY(auto context, net::TlsContext::client(tls));
  auto tcp = net::tcpDialer(where, proxyFor(config, where.host));
  return std::shared_ptr<net::Dialer>(net::tlsDialer(std::move(tcp), context, where.host));
}

/// With the certificates that agent.yaml holds at the time of each dial.
Result<std::shared_ptr<net::Dialer>> dialerTo(const std::string& path, const config::AgentConfig& config) {
  const auto load = [](const std::string& file) -> Result<config::Mtls> {
    TRY(const config::AgentConfig fresh, config::loadAgentConfig(file));
    return fresh.mtls;
  };
  return config::reloadingDialer(path, config.mtls, load,
                                 [config](const config::Mtls& mtls) { return dialerWith(config, mtls); });
}

std::string metricsOf(const agent::AgentFigures& figures, const Connection& connection) {
  std::string out;
  const auto gauge = [&](std::string_view name, std::string_view help, double value, std::string_view type = "gauge") {
    out += fmt::format("# HELP {0} {1}\n# TYPE {0} {2}\n{0} {3}\n", name, help, type, value);
  };
  gauge("slipway_agent_connected", "Whether the tunnel to the controller is open.", connection.connected ? 1 : 0);
  gauge("slipway_agent_slurm_ok", "Whether Slurm answered the last poll.", figures.slurm_ok ? 1 : 0);
  gauge("slipway_agent_nodes", "Slurm nodes in the inventory.", static_cast<double>(figures.nodes));
  gauge("slipway_agent_jobs", "Slurm jobs in the inventory.", static_cast<double>(figures.jobs));
  gauge("slipway_agent_pods", "Pod attempts that are kept track of.", static_cast<double>(figures.pods));
  gauge("slipway_agent_supervisors", "Supervisors that are connected.", static_cast<double>(figures.supervisors));
  gauge("slipway_agent_polls_total", "Polls of Slurm.", static_cast<double>(figures.polls), "counter");
  gauge("slipway_agent_failed_polls_total", "Polls that failed.", static_cast<double>(figures.failed_polls), "counter");
  gauge("slipway_agent_last_poll_seconds", "How long the last poll took.", figures.last_poll_seconds);
  return out;
}

Task<void> runAgent(config::AgentConfig config, std::shared_ptr<net::Dialer> dialer, std::shared_ptr<Status> outcome) {
  const Executor executor = co_await async::thisExecutor();
  SystemClock clock;
  SystemRandom random;
  async::SystemProcessRunner runner;
  slurm::SlurmDriver driver({.bin_dir = config.slurm_bin_dir}, runner, clock, random);
  agent::Agent agent(executor, optionsOf(config), driver, clock);
  *outcome = agent.start();
  if (!*outcome) co_return;
  const auto connection = std::make_shared<Connection>();
  const std::string endpoint = config.endpoint;
  const auto on_state = [connection, endpoint](bool connected, const std::string& why) {
    if (connected) {
      log::info("controller {}: connected", endpoint);
    } else if (connection->connected || connection->why != why) {
      log::warn("controller {}: not connected: {}", endpoint, why);
    }
    *connection = {connected, why};
  };
  tunnel::TunnelOptions tunnel_options;
  tunnel_options.authority = net::parseHostPort(config.endpoint, 443)->str();
  tunnel::DialingEnd tunnel(dialer, agent.service(), tunnel_options, random, on_state);
  HealthOptions health;
  health.listen = config.metrics_listen;
  health.metrics = [&agent, connection] { return metricsOf(agent.figures(), *connection); };
  health.why_not_ready = [&agent, connection]() -> std::string {
    if (!connection->connected) return "controller: " + connection->why;
    return agent.figures().slurm_ok ? "" : "Slurm does not answer";
  };
  async::TaskGroup group(executor);
  group.spawn("agent", agent.run());
  group.spawn("tunnel", tunnel.run());
  group.spawn("health", serveHealth(std::move(health)));
  Task<void> all_ended = group.join();
  co_await kube::stopAfter(std::move(all_ended), group);
}

int agentMain(const std::string& path) {
  const auto config = config::loadAgentConfig(path);
  if (!config) return report(config.error());
  const auto dialer = dialerTo(path, *config);
  if (!dialer) return report(dialer.error().wrap(path));
  if (auto left = leaveSettings(*config); !left) return report(left.error().wrap("stateDir"));
  log::info("slipway agent {}: controller {}, state in {}", version(), config->endpoint,
            stateDirectoryOf(*config).string());
  const auto outcome = std::make_shared<Status>();
  async::Loop loop;
  loop.run(runAgent(*config, *dialer, outcome));
  return report(*outcome);
}

}  // namespace

void addAgent(CLI::App& app, Context& context) {
  CLI::App* command = app.add_subcommand("agent", "Join this login node's Slurm to a controller");
  const auto path = std::make_shared<std::string>();
  command->add_option("-c,--config", *path, "agent.yaml, as `slipway config generate` writes it")->required();
  command->callback([&context, path] { context.action = [path] { return agentMain(*path); }; });
}

}  // namespace slipway::cli
