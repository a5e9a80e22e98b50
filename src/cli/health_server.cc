#include "cli/health_server.h"

#include "base/log.h"
#include "http/server.h"
#include "net/tcp.h"

namespace slipway::cli {
namespace {

http::Response text(int status, std::string body, const char* type = "text/plain; charset=utf-8") {
  http::Response response;
  response.status = status;
  response.headers.set("Content-Type", type);
  response.body = std::move(body);
  return response;
}

http::Response answer(const HealthOptions& options, std::string_view path) {
  if (path == "/healthz" || path == "/livez") return text(200, "ok\n");
  if (path == "/readyz") {
    const std::string why = options.why_not_ready ? options.why_not_ready() : "";
    return why.empty() ? text(200, "ok\n") : text(503, "not ready: " + why + "\n");
  }
  if (path == "/metrics" && options.metrics) {
    return text(200, options.metrics(), "text/plain; version=0.0.4; charset=utf-8");
  }
  return text(404, "/healthz, /readyz and /metrics are here\n");
}

Task<void> handle(std::shared_ptr<const HealthOptions> options, http::Exchange& exchange) {
  http::Response response = answer(*options, exchange.request().path());
  co_await exchange.respond(std::move(response));
}

Task<Status> serve(HealthOptions options) {
  if (options.listen.empty()) co_return Status();
  const Executor executor = co_await async::thisExecutor();
  CO_TRY(const net::HostPort where, net::parseListenAddress(options.listen));
  CO_TRY(auto listener, net::listenTcp(executor, where.host, where.port));
  const auto shared = std::make_shared<const HealthOptions>(std::move(options));
  http::Server server(executor, {.max_connections = 64},
                      [shared](http::Exchange& exchange) { return handle(shared, exchange); });
  co_await server.serve(std::move(listener), nullptr);
  co_return Status();
}

}  // namespace

Task<void> serveHealth(HealthOptions options) {
  const Status served = co_await serve(std::move(options));
  if (!served) log::error("metricsListen: {}", served.error().message);
}

}  // namespace slipway::cli
