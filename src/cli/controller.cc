#include <CLI/App.hpp>
#include <memory>

#include "async/backoff.h"
#include "async/loop.h"
#include "bridge/bridge.h"
#include "bridge/kubelet_backend.h"
#include "cli/cluster_access.h"
#include "cli/command.h"
#include "cli/health_server.h"
#include "cli/kubelet_ports.h"
#include "cli/places.h"
#include "config/controller_config.h"
#include "config/mtls_reload.h"
#include "kube/http_client.h"
#include "kubelet/serving_certificate.h"
#include "net/tcp.h"
#include "pki/certificate.h"
#include "tunnel/endpoint.h"

namespace slipway::cli {
namespace {

bridge::BridgeOptions optionsOf(const config::ControllerConfig& config, const std::string& address) {
  bridge::BridgeOptions options;
  options.version = "v" + version() + "-slipway";
  options.nodes.mode = config.nodes == "cluster"         ? bridge::NodeMode::Cluster
                       : config.nodes == "per-partition" ? bridge::NodeMode::PerPartition
                                                         : bridge::NodeMode::OneToOne;
  options.nodes.taint = !config.taint.key.empty();
  options.nodes.taint_key = config.taint.key;
  options.nodes.taint_value = config.taint.value;
  options.nodes.taint_effect = config.taint.effect;
  options.nodes.address = address;
  options.nodes.first_port = config.kubelet_port_first;
  options.nodes.last_port = config.kubelet_port_last;
  options.nodes.removal_grace = config.node_grace;
  options.mirror.enabled = config.mirror != "none";
  if (config.mirror == "partitions") {
    options.mirror.partitions.insert(config.mirror_partitions.begin(), config.mirror_partitions.end());
  }
  options.mirror.namespace_template = config.mirror_namespace;
  options.pods.namespaces.insert(config.pod_namespaces.begin(), config.pod_namespaces.end());
  options.leases.interval = config.lease_interval;
  options.leases.duration =
      std::max(options.leases.duration, std::chrono::duration_cast<std::chrono::seconds>(4 * config.lease_interval));
  return options;
}

Result<std::shared_ptr<net::TlsContext>> tunnelTls(const config::ControllerConfig& config) {
  net::TlsOptions tls;
  tls.certificate = config.mtls.certificate;
  tls.key = config.mtls.key;
  tls.ca = config.mtls.ca;
  tls.client_certificates = net::TlsOptions::ClientCertificates::Require;
  tls.only_tls13 = true;
  tls.alpn = {"h2"};
  tls.require_alpn = true;
  return net::TlsContext::server(tls);
}

/// The CA of those who may ask the kubelet API: what a kube-apiserver publishes, or else the API server's own CA.
Task<std::string> clientCa(kube::Client& client, std::string otherwise) {
  SystemRandom random;
  async::Backoff backoff({}, random);
  while (true) {
    const auto map = co_await client.get(kube::kConfigMaps, "kube-system", "extension-apiserver-authentication");
    if (map) {
      const std::string_view ca = kube::text(*map, {"data", "client-ca-file"});
      co_return ca.empty() ? otherwise : std::string(ca);
    }
    const Error& error = map.error();
    if (error.is(Code::NotFound)) co_return otherwise;
    if (error.is(Code::Forbidden)) {
      log::warn("kubelet API: the client CA cannot be read ({}): using the API server's CA", error.message);
      co_return otherwise;
    }
    log::warn("waiting for the API server: {}", error.message);
    co_await async::sleepFor(backoff.next());
  }
}

/// A self-signed certificate for the kubelet API, made at each start: an API server without
/// --kubelet-certificate-authority takes any. It serves until the cluster's signer has given another, if one is asked
/// for.
Result<std::shared_ptr<net::TlsContext>> kubeletTls(const std::string& address, std::string client_ca) {
  pki::CertificateTemplate wanted;
  wanted.common_name = "slipway kubelet API";
  wanted.server_usage = true;
  wanted.not_before = SystemClock().now() - std::chrono::hours(1);
  wanted.days = 3650;
  const bool is_ip = net::HostPort{address, 0}.isIp();
  (is_ip ? wanted.ips : wanted.dns_names).push_back(address);
  TRY(const pki::Identity identity, pki::createCa(wanted, pki::KeyType::EcP256));
  net::TlsOptions tls;
  tls.certificate = identity.certificate;
  tls.key = identity.key;
  tls.ca = std::move(client_ca);
  tls.client_certificates = net::TlsOptions::ClientCertificates::Request;
  return net::TlsContext::server(tls);
}

/// The tunnel's certificate is that of controller.yaml at the time of each handshake.
std::unique_ptr<net::Listener> renewing(std::unique_ptr<net::Listener> listener, const std::string& path,
                                        const config::Mtls& mtls, std::shared_ptr<net::TlsContext> tls) {
  const auto load = [](const std::string& file) -> Result<config::Mtls> {
    TRY(const config::ControllerConfig fresh, config::loadControllerConfig(file));
    return fresh.mtls;
  };
  const auto use = [tls, ca = mtls.ca, path](const config::Mtls& fresh) -> Status {
    if (fresh.ca != ca) return failure(Code::Invalid, "mTLSConfig.ca is another one: that needs a restart");
    return tls->useCertificate(fresh.certificate, fresh.key);
  };
  return config::reloadingListener(std::move(listener), std::make_shared<config::MtlsReload>(path, mtls, load, use));
}

Task<void> serveTunnel(bridge::Bridge* bridge, tunnel::OpenTunnel open) {
  co_await bridge->serve(std::move(open));
}

struct Setup {
  std::string path;  ///< of controller.yaml
  config::ControllerConfig config;
  kube::ClusterAccess access;
  std::string address;  ///< of the kubelet API
};

Task<Status> runController(Setup setup) {
  const config::ControllerConfig& config = setup.config;
  const Executor executor = co_await async::thisExecutor();
  SystemClock clock;
  SystemRandom random;
  CO_TRY(const auto client,
         kube::HttpClient::make(executor, setup.access, {.user_agent = "slipway/" + version()}, clock));
  CO_TRY(auto tunnel_tls, tunnelTls(config));
  CO_TRY(auto tunnel_listener, net::listenTcp(executor, config.listen, config.port));
  const std::string client_ca = co_await clientCa(*client, setup.access.ca);
  CO_TRY(auto kubelet_tls, kubeletTls(setup.address, client_ca));

  bridge::Bridge bridge(executor, *client, clock, random, optionsOf(config, setup.address));
  bridge::KubeletBackend backend(bridge, clock);
  kubelet::KubeAuthenticator authenticator(*client, clock);
  kubelet::NodePortOptions ports;
  ports.address = config.kubelet_listen;
  ports.shared_port = config.kubelet_port;
  ports.first_port = config.kubelet_port_first;
  ports.last_port = config.kubelet_port_last;
  kubelet::NodePorts node_ports(executor, backend, authenticator, kubelet_tls, ports);
  CO_TRY_STATUS(node_ports.start());
  KubeletPorts port_book(node_ports);
  bridge.usePorts(port_book);
  tunnel::AcceptingEnd end(executor, {},
                           [&bridge](tunnel::OpenTunnel open) { return serveTunnel(&bridge, std::move(open)); });

  HealthOptions health;
  health.listen = config.metrics_listen;
  health.metrics = [&bridge] { return bridge.metrics(); };
  health.why_not_ready = [&bridge]() -> std::string {
    return bridge.ready() ? "" : "the API server's nodes and pods are not known yet";
  };
  const auto use_certificate = [kubelet_tls](const std::string& certificate, const std::string& key) {
    return kubelet_tls->useCertificate(certificate, key);
  };
  kubelet::ServingCertificateOptions serving{.address = setup.address,
                                             .approve = config.kubelet_certificate == "approve"};
  kubelet::ServingCertificate certificate(*client, clock, random, std::move(serving), use_certificate);
  log::info("slipway controller {}: agents dial port {}, API server {}", version(), tunnel_listener->port(),
            setup.access.server);
  async::TaskGroup group(executor);
  group.spawn("bridge", bridge.run());
  auto renewed = renewing(std::move(tunnel_listener), setup.path, config.mtls, tunnel_tls);
  group.spawn("tunnel", end.serve(std::move(renewed), tunnel_tls));
  if (config.kubelet_certificate != "self-signed") group.spawn("kubelet API certificate", certificate.run());
  group.spawn("health", serveHealth(std::move(health)));
  std::exception_ptr cancelled;
  try {
    co_await group.join();
  } catch (const boost::system::system_error&) {
    cancelled = std::current_exception();
  }
  co_await asio::this_coro::throw_if_cancelled(false);
  co_await end.stop();
  co_await group.stop();
  co_await node_ports.stop();
  if (cancelled) std::rethrow_exception(cancelled);
  co_return Status();
}

Task<void> keepOutcome(Setup setup, std::shared_ptr<Status> outcome) {
  *outcome = co_await runController(std::move(setup));
}

int controllerMain(const std::string& path, const std::string& kubeconfig) {
  auto config = config::loadControllerConfig(path);
  if (!config) return report(config.error());
  auto access = clusterAccess(kubeconfig);
  if (!access) return report(access.error());
  Setup setup{path, std::move(*config), std::move(*access), ""};
  setup.address = setup.config.kubelet_address.empty() ? environment("SLIPWAY_ADDRESS") : setup.config.kubelet_address;
  if (setup.address.empty()) {
    return report(Error{Code::Invalid, path +
                                           ": kubelet.address is missing: the address by which the API server reaches "
                                           "this process (or set SLIPWAY_ADDRESS)"});
  }
  const auto outcome = std::make_shared<Status>();
  async::Loop loop;
  loop.run(keepOutcome(std::move(setup), outcome));
  return report(*outcome);
}

}  // namespace

void addController(CLI::App& app, Context& context) {
  CLI::App* command = app.add_subcommand("controller", "Show Slurm in a Kubernetes cluster and run its pods on Slurm");
  struct Words {
    std::string config;
    std::string kubeconfig;
  };
  const auto words = std::make_shared<Words>();
  command->add_option("-c,--config", words->config, "controller.yaml, plain or a Secret manifest")->required();
  command->add_option("--kubeconfig", words->kubeconfig, "Instead of KUBECONFIG or the in-cluster service account");
  command->callback(
      [&context, words] { context.action = [words] { return controllerMain(words->config, words->kubeconfig); }; });
}

}  // namespace slipway::cli
