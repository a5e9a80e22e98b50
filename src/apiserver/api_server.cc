#include "apiserver/api_server.h"

#include "apiserver/admission/plugins.h"
#include "apiserver/api/api.h"
#include "apiserver/api/builtin_kinds.h"
#include "apiserver/api/openapi.h"
#include "apiserver/api/subresources.h"
#include "apiserver/api_service_keeper.h"
#include "apiserver/audit_log.h"
#include "apiserver/backup.h"
#include "apiserver/bootstrap.h"
#include "apiserver/cluster_pki.h"
#include "apiserver/crd/definition_check.h"
#include "apiserver/crd/definition_keeper.h"
#include "apiserver/encryption.h"
#include "apiserver/namespace_keeper.h"
#include "apiserver/request_metrics.h"
#include "apiserver/server_metrics.h"
#include "apiserver/server_paths.h"
#include "apiserver/streams/pod_streams.h"
#include "apiserver/token_secret_keeper.h"
#include "async/task_group.h"
#include "base/files.h"
#include "base/log.h"
#include "net/tcp.h"

namespace slipway::apiserver {
namespace {

constexpr auto kHousekeeping = std::chrono::seconds(30);
// Some thousand old versions of pods: enough for a watch that was away for a moment while everything changed.
constexpr size_t kHistoryBytes = 24U << 20U;

/// Names under which clients inside and outside reach the server.
std::vector<std::string> serverNames(const ApiServerOptions& options) {
  std::vector<std::string> names{"127.0.0.1",
                                 "localhost",
                                 "kubernetes",
                                 "kubernetes.default",
                                 "kubernetes.default.svc",
                                 "kubernetes.default.svc.cluster.local"};
  if (options.address != "127.0.0.1" && options.address != "0.0.0.0" && !options.address.empty()) {
    names.push_back(options.address);
  }
  names.insert(names.end(), options.names.begin(), options.names.end());
  return names;
}

/// What is too large is refused as everything else is: with a Status.
http::ServerOptions serverOptions() {
  http::ServerOptions options;
  options.refusal = [limit = options.max_body_bytes](int status, const std::string& why) {
    if (status != 413) return http::Response{status, {{"Content-Type", std::string(kPlainText)}}, why + "\n"};
    const StatusError error = refuse::tooLarge(fmt::format("limit is {}", limit));
    return http::Response{status, {{"Content-Type", "application/json"}}, json::serialize(error.toStatus())};
  };
  return options;
}

}  // namespace

struct ApiServer::Impl {
  Impl(Executor executor, ApiServerOptions wanted)
      : options(std::move(wanted)), group(executor), clock(options.clock == nullptr ? system_clock : *options.clock) {}

  Result<std::unique_ptr<net::Listener>> open();
  Result<std::shared_ptr<net::TlsContext>> makeTls() const;
  Result<std::shared_ptr<net::TlsContext>> makeKubeletTls() const;
  Status addEndpoints();
  std::string url() const;
  Task<Answer<Reply>> writeMetrics();
  Task<void> housekeeping();
  Task<void> dropOldEvents();

  ApiServerOptions options;
  async::TaskGroup group;
  const SystemClock system_clock;
  const Clock& clock;
  SystemRandom random;
  std::unique_ptr<const schema::Schema> schema;
  std::optional<ClusterPki> pki;
  std::unique_ptr<Store> store;
  Kinds kinds;
  Strategies strategies;
  std::unique_ptr<Authorizer> authorizer;
  std::unique_ptr<Registry> registry;
  std::unique_ptr<AdmissionChain> admission;
  std::unique_ptr<AdmissionChain> body_admission;
  std::unique_ptr<ResourceHandlers> handlers;
  std::unique_ptr<ServiceAccountTokens> tokens;
  std::unique_ptr<Authenticator> authenticator;
  std::unique_ptr<Api> api;
  std::unique_ptr<OpenApi> open_api;
  std::unique_ptr<NodeDialer> dialer;
  RequestMetrics metrics;
  std::unique_ptr<AuditLog> audit;
  std::unique_ptr<NamespaceKeeper> namespaces;
  std::unique_ptr<DefinitionKeeper> definitions;
  std::unique_ptr<ApiServiceKeeper> api_services;
  std::unique_ptr<TokenSecretKeeper> token_secrets;
  std::unique_ptr<http::Server> server;
  uint16_t port = 0;
};

ApiServer::ApiServer(Executor executor, ApiServerOptions options)
    : impl_(std::make_unique<Impl>(std::move(executor), std::move(options))) {}

ApiServer::~ApiServer() = default;

Result<std::unique_ptr<net::Listener>> ApiServer::Impl::open() {
  TRY_STATUS(makeDirectories(options.data_dir, 0700));
  TRY(pki, ClusterPki::open(options.data_dir / "pki", serverNames(options), clock.now()));
  StoreOptions storage;
  storage.history_bytes = kHistoryBytes;
  TRY(storage.cipher, rowCipher(options.encryption));
  TRY(store, Store::open(group.executor(), options.data_dir / "state.db", clock, std::move(storage)));
  schema = schema::Schema::builtin();
  addBuiltinKinds(kinds, *schema);
  addDefinitionStrategy(strategies);
  authorizer = std::make_unique<Authorizer>(*store);
  registry = std::make_unique<Registry>(Registry::Parts{*store, kinds, strategies, nullptr, clock, random});
  admission = defaultAdmission(*registry, *authorizer);
  body_admission = bodyAdmission(*registry);
  registry->setAdmission(admission.get(), body_admission.get());
  handlers = std::make_unique<ResourceHandlers>(*registry);
  tokens = std::make_unique<ServiceAccountTokens>(pki->serviceAccountKey(), options.issuer, *store, clock, random);
  authenticator = std::make_unique<Authenticator>(*store, *tokens, clock);
  api = std::make_unique<Api>(Api::Parts{*schema, *registry, *handlers, *authenticator, *authorizer, clock, random});
  TRY(std::unique_ptr<net::Listener> listener, net::listenTcp(group.executor(), options.address, options.port));
  port = listener->port();
  return listener;
}

Result<std::shared_ptr<net::TlsContext>> ApiServer::Impl::makeTls() const {
  net::TlsOptions tls;
  tls.certificate = pki->server().certificate;
  tls.key = pki->server().key;
  tls.ca = pki->ca().certificate;
  tls.client_certificates = net::TlsOptions::ClientCertificates::Request;
  tls.alpn = {"http/1.1"};
  return net::TlsContext::server(tls);
}

Result<std::shared_ptr<net::TlsContext>> ApiServer::Impl::makeKubeletTls() const {
  net::TlsOptions tls;
  tls.certificate = pki->kubeletClient().certificate;
  tls.key = pki->kubeletClient().key;
  // As kube-apiserver without --kubelet-certificate-authority: kubelets sign their own certificates.
  tls.insecure_skip_verify = options.kubelet_ca.empty();
  if (!options.kubelet_ca.empty()) {
    TRY(tls.ca, readFile(options.kubelet_ca));
  }
  return net::TlsContext::client(tls);
}

Status ApiServer::Impl::addEndpoints() {
  addServerPaths(*api, *tokens, url());
  addBackupPath(*api, *store, random, options.data_dir);
  addBinding(*api, *registry);
  addEviction(*api, *registry);
  addPodEdits(*api, *registry);
  addScale(*api, *registry);
  addTokenRequest(*api, *registry, *tokens);
  addReviews(*api, *authenticator, *authorizer);
  open_api = std::make_unique<OpenApi>(*schema, kinds);
  open_api->addTo(*api);
  TRY(std::shared_ptr<net::TlsContext> kubelet_tls, makeKubeletTls());
  dialer = std::make_unique<NodeDialer>(*registry, std::move(kubelet_tls));
  addPodStreams(*api, *registry, *dialer);
  if (!options.audit_log.empty()) {
    TRY(audit, AuditLog::open(options.audit_log));
  }
  api->onPath("/metrics", [this](Call&) { return writeMetrics(); });
  api->setObserver([this](const Call& call, int status, std::chrono::nanoseconds took) {
    metrics.note(call, status, took);
    if (audit) audit->note(call, status, random.uuid());
  });
  return {};
}

std::string ApiServer::Impl::url() const {
  const std::string& address = options.address;
  const bool any = address.empty() || address == "0.0.0.0" || address == "::";
  return "https://" + net::HostPort{any ? "127.0.0.1" : address, port}.str();
}

Task<void> ApiServer::Impl::housekeeping() {
  while (true) {
    co_await async::sleepFor(kHousekeeping);
    store->compact();
    co_await dropOldEvents();
    // Who deletes the server's own Service gets it again, as with a real server.
    const Status own = co_await ensureOwnService(*registry, port);
    if (!own) log::warn("service default/kubernetes: {}", own.error().message);
  }
}

Task<Answer<Reply>> ApiServer::Impl::writeMetrics() {
  Reply reply = Reply::text(metrics.text(*store, *handlers) +
                            storageMetrics(*store, kinds, options.data_dir / "state.db") + processMetrics());
  reply.type = "text/plain; version=0.0.4; charset=utf-8";
  co_return reply;
}

/// Events live for an hour, as they do in etcd by their lease.
Task<void> ApiServer::Impl::dropOldEvents() {
  const KindPtr events = kinds.find("", "v1", "events");
  const std::string oldest =
      formatTime(clock.now() - std::chrono::duration_cast<WallTime::duration>(options.events_live));
  std::vector<std::string> old;
  for (const auto& [key, stored] : store->table(events->table).objects()) {
    if (stored->written_at == 0) continue;
    const WallTime written{std::chrono::seconds(stored->written_at)};
    if (formatTime(written) < oldest) old.push_back(key);
  }
  for (const std::string& key : old) {
    const size_t slash = key.find('/');
    WriteContext context = ownContext();
    co_await registry->remove(events, key.substr(0, slash), key.substr(slash + 1), {}, context);
  }
}

Task<Status> ApiServer::start() {
  CO_TRY(std::unique_ptr<net::Listener> listener, impl_->open());
  CO_TRY(std::shared_ptr<net::TlsContext> tls, impl_->makeTls());
  impl_->api->setMaxInFlight(impl_->options.max_requests_per_user);
  impl_->api->setServerAddress(fmt::format("{}:{}", impl_->options.address, impl_->port));
  CO_TRY_STATUS(impl_->addEndpoints());
  CO_TRY_STATUS(
      co_await bootstrap(*impl_->registry, impl_->options.address, impl_->port, impl_->pki->ca().certificate));
  impl_->definitions = std::make_unique<DefinitionKeeper>(*impl_->registry, *impl_->schema);
  impl_->definitions->serveAll();
  impl_->api_services = std::make_unique<ApiServiceKeeper>(*impl_->registry);
  impl_->token_secrets =
      std::make_unique<TokenSecretKeeper>(*impl_->registry, *impl_->tokens, impl_->pki->ca().certificate);
  impl_->namespaces = std::make_unique<NamespaceKeeper>(*impl_->registry, impl_->pki->ca().certificate);
  const std::string text = kubeconfigText(url(), impl_->pki->ca().certificate, impl_->pki->admin());
  CO_TRY_STATUS(writeFileAtomic(kubeconfig(), text, 0600));

  http::Handler handler = [api = impl_->api.get()](http::Exchange& exchange) { return api->handle(exchange); };
  impl_->server = std::make_unique<http::Server>(impl_->group.executor(), serverOptions(), std::move(handler));
  impl_->group.spawn("API server", impl_->server->serve(std::move(listener), std::move(tls)));
  impl_->group.spawn("definition keeper", impl_->definitions->run());
  impl_->group.spawn("APIService keeper", impl_->api_services->run());
  impl_->group.spawn("token secret keeper", impl_->token_secrets->run());
  impl_->group.spawn("namespace keeper", impl_->namespaces->run());
  impl_->group.spawn("API server housekeeping", impl_->housekeeping());
  co_return Status();
}

Task<void> ApiServer::stop() {
  co_await async::shield();
  if (impl_->handlers) impl_->handlers->endWatches();
  if (impl_->server) co_await impl_->server->stop();
  co_await impl_->group.stop();
  impl_->server.reset();
  impl_->store.reset();
}

uint16_t ApiServer::port() const {
  return impl_->port;
}

std::string ApiServer::url() const {
  return impl_->url();
}

std::filesystem::path ApiServer::kubeconfig() const {
  return impl_->options.data_dir / "admin.kubeconfig";
}

Result<std::string> ApiServer::kubeconfigFor(const std::string& user, const std::vector<std::string>& groups) const {
  TRY(const pki::Identity client, impl_->pki->issueClient(user, groups, impl_->clock.now()));
  return kubeconfigText(url(), impl_->pki->ca().certificate, client);
}

const pki::Identity& ApiServer::signingCa() const {
  return impl_->pki->ca();
}

Task<Status> ApiServer::backup(std::filesystem::path target) {
  co_return co_await impl_->store->backup(std::move(target));
}

}  // namespace slipway::apiserver
