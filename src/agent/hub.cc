#include "agent/hub.h"

#include <unistd.h>

#include "base/files.h"
#include "base/log.h"
#include "base/strings.h"
#include "net/tcp.h"

namespace slipway::agent {
namespace {

constexpr std::string_view kServerName = "slipway-hub";
constexpr int kDays = 3650;

std::string hostName() {
  std::array<char, 256> name{};
  return ::gethostname(name.data(), name.size() - 1) == 0 ? std::string(name.data()) : std::string("localhost");
}

pki::CertificateTemplate templateFor(std::string name, const Clock& clock) {
  pki::CertificateTemplate wanted;
  wanted.common_name = std::move(name);
  // Clocks of compute nodes may be behind ours.
  wanted.not_before = clock.now() - std::chrono::hours(24);
  wanted.days = kDays;
  return wanted;
}

}  // namespace

Hub::Hub(Executor executor, HubOptions options, const Clock& clock, OnReport on_report, OnConnected on_connected)
    : executor_(std::move(executor)),
      options_(std::move(options)),
      clock_(clock),
      on_report_(std::move(on_report)),
      on_connected_(std::move(on_connected)) {}

Hub::~Hub() = default;

/// The CA outlives the agent: supervisors of the time before must still believe us and be believed.
Result<pki::Identity> Hub::loadCa() const {
  const auto certificate_file = options_.state_dir / "hub-ca.crt";
  const auto key_file = options_.state_dir / "hub-ca.key";
  const auto certificate = readFile(certificate_file);
  const auto key = readFile(key_file);
  if (certificate && key) {
    const Status match = pki::checkKeyMatches(*certificate, *key);
    if (!match)
      return failure(match.error().wrap(fmt::format("{} and {}", certificate_file.string(), key_file.string())));
    return pki::Identity{*certificate, *key};
  }
  TRY(const pki::Identity ca, pki::createCa(templateFor("slipway-hub-ca", clock_), pki::KeyType::Ed25519));
  TRY_STATUS(writeFileAtomic(key_file, ca.key, 0600));
  TRY_STATUS(writeFileAtomic(certificate_file, ca.certificate, 0600));
  return ca;
}

Result<std::unique_ptr<net::Listener>> Hub::listen() {
  TRY(const net::HostPort where, net::parseListenAddress(options_.listen));
  const auto port_file = options_.state_dir / "hub-port";
  const auto last = readFile(port_file);
  const int64_t last_port = last ? parseInt(trim(*last)).value_or(0) : 0;
  const uint16_t port = where.port == 0 ? static_cast<uint16_t>(last_port) : where.port;
  auto listener = net::listenTcp(executor_, where.host, port);
  if (!listener && where.port == 0 && port != 0) {
    log::warn("hub: port {} of the last start is taken ({}): jobs of that time report by files only", port,
              listener.error().message);
    listener = net::listenTcp(executor_, where.host, 0);
  }
  if (!listener) return failure(listener.error().wrap(fmt::format("hub: listen on {}", options_.listen)));
  // Not written without need: the disk may be full.
  if (last_port == (*listener)->port()) return listener;
  const Status kept = writeFileAtomic(port_file, fmt::format("{}\n", (*listener)->port()), 0600);
  if (!kept) return failure(kept.error());
  return listener;
}

Status Hub::open() {
  TRY_STATUS(makeDirectories(options_.state_dir, 0700));
  if (options_.addresses.empty()) options_.addresses.push_back(hostName());
  TRY(ca_, loadCa());
  pki::CertificateTemplate wanted = templateFor(std::string(kServerName), clock_);
  wanted.dns_names = {std::string(kServerName)};
  wanted.server_usage = true;
  TRY(const pki::Identity server, pki::issue(ca_, wanted, pki::KeyType::Ed25519));
  net::TlsOptions tls;
  tls.certificate = server.certificate;
  tls.key = server.key;
  tls.ca = ca_.certificate;
  tls.client_certificates = net::TlsOptions::ClientCertificates::Require;
  tls.only_tls13 = true;
  tls.alpn = {"h2"};
  TRY(tls_, net::TlsContext::server(tls));
  TRY(listener_, listen());
  port_ = listener_->port();
  end_ = std::make_unique<tunnel::AcceptingEnd>(
      executor_, options_.tunnel, [this](tunnel::OpenTunnel opened) { return serveSupervisor(std::move(opened)); });
  return {};
}

Task<void> Hub::run() {
  co_await end_->serve(std::move(listener_), tls_);
}

Result<pod::HubFile> Hub::hubFile(const std::string& uid, uint32_t attempt) const {
  pki::CertificateTemplate wanted = templateFor(fmt::format("{}/{}", uid, attempt), clock_);
  wanted.client_usage = true;
  TRY(const pki::Identity identity, pki::issue(ca_, wanted, pki::KeyType::Ed25519));
  pod::HubFile file;
  for (const std::string& address : options_.addresses) {
    const bool has_port = net::parseHostPort(address).has_value();
    file.endpoints.push_back(has_port ? address : net::HostPort{address, port_}.str());
  }
  file.ca = ca_.certificate;
  file.certificate = identity.certificate;
  file.key = identity.key;
  file.server_name = kServerName;
  return file;
}

net::HostPort Hub::here() const {
  const auto where = net::parseListenAddress(options_.listen);
  const std::string host = where ? where->host : "";
  if (host == "::") return {"::1", port_};
  return {host.empty() || host == "0.0.0.0" ? "127.0.0.1" : host, port_};
}

std::shared_ptr<tunnel::Channel> Hub::channel(const std::string& key) const {
  const auto found = channels_.find(key);
  return found == channels_.end() ? nullptr : found->second;
}

Task<void> Hub::serveSupervisor(tunnel::OpenTunnel tunnel) {
  const std::string key = tunnel.peer.common_name;
  const std::shared_ptr<tunnel::Channel> channel = tunnel.channel;
  channels_[key] = channel;
  on_connected_(key, true);
  struct Leave {
    Hub& hub;
    const std::string& key;
    const tunnel::Channel* channel;
    ~Leave() {
      const auto mine = hub.channels_.find(key);
      if (mine == hub.channels_.end() || mine->second.get() != channel) return;  // replaced by a newer one
      hub.channels_.erase(mine);
      hub.on_connected_(key, false);
    }
  } const leave{*this, key, channel.get()};
  log::debug("hub: the supervisor of pod {} is connected from {}", key, tunnel.peer.address);
  auto call = co_await channel->open("/slipway.site.v1.Pod/Watch");
  if (!call) co_return;
  const Status asked = co_await (*call)->send(site::v1::WatchPodsRequest().SerializeAsString());
  if (!asked) co_return;
  const Status closed = co_await (*call)->closeSend();
  if (!closed) co_return;
  while (true) {
    const auto message = co_await (*call)->receive();
    if (!message || !*message) co_return;
    auto report = tunnel::parseMessage<site::v1::PodReport>(**message);
    // A supervisor speaks for the pod of its certificate and for no other.
    if (report && fmt::format("{}/{}", report->pod_uid(), report->attempt()) == key) {
      on_report_(key, std::move(*report));
    } else {
      log::warn("hub: the supervisor of pod {} sent a report that is not its own", key);
    }
  }
}

}  // namespace slipway::agent
