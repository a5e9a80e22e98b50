#include "apiserver/testing/webhook_server.h"

#include "base/strings.h"
#include "json/document.h"
#include "net/tcp.h"
#include "net/tls.h"
#include "pki/certificate.h"

namespace slipway::apiserver::testing {

WebhookServer::WebhookServer(Executor executor, Answer answer) : answer_(std::move(answer)), group_(executor) {
  pki::CertificateTemplate wanted;
  wanted.common_name = "webhook CA";
  wanted.not_before = SystemClock().now() - std::chrono::hours(1);
  const pki::Identity ca = pki::createCa(wanted, pki::KeyType::EcP256).value();
  wanted.common_name = "webhook";
  wanted.ips = {"127.0.0.1"};
  wanted.server_usage = true;
  const pki::Identity own = pki::issue(ca, wanted, pki::KeyType::EcP256).value();
  bundle_ = base64Encode(ca.certificate);
  net::TlsOptions tls;
  tls.certificate = own.certificate;
  tls.key = own.key;
  std::unique_ptr<net::Listener> listener = net::listenTcp(executor, "127.0.0.1", 0).value();
  port_ = listener->port();
  http::Handler handler = [this](http::Exchange& exchange) { return handle(exchange); };
  server_ = std::make_unique<http::Server>(executor, http::ServerOptions(), std::move(handler));
  group_.spawn("webhook server", server_->serve(std::move(listener), net::TlsContext::server(tls).value()));
}

std::string WebhookServer::url() const {
  return fmt::format("https://127.0.0.1:{}/hook", port_);
}

Task<void> WebhookServer::stop() {
  co_await server_->stop(std::chrono::milliseconds(10));
  co_await group_.stop();
}

Task<void> WebhookServer::handle(http::Exchange& exchange) {
  const json::value review = json::parse(exchange.request().body);
  const json::object& request = review.at("request").as_object();
  json::object response = answer_(request);
  response["uid"] = request.at("uid");
  const json::object out{{"apiVersion", "admission.k8s.io/v1"}, {"kind", "AdmissionReview"}, {"response", response}};
  http::Response reply;
  reply.headers.set("Content-Type", "application/json");
  reply.body = json::serialize(out);
  co_await exchange.respond(std::move(reply));
}

}  // namespace slipway::apiserver::testing
