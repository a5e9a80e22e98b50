// Services as a cluster has them: the one of the API server itself, addresses, ports, and the way through their proxy.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "apiserver/testing/server_test.h"
#include "http/server.h"
#include "net/tcp.h"

namespace slipway::apiserver {
namespace {

using ::testing::HasSubstr;
using Services = testing::ServerTest;

constexpr const char* kServices = "/api/v1/namespaces/default/services";

json::value service(std::string_view name, json::object spec) {
  if (!spec.contains("ports")) spec["ports"] = json::array{json::object{{"port", 80}}};
  return {{"metadata", {{"name", name}}}, {"spec", std::move(spec)}};
}

TEST_F(Services, TheServersOwnIsThereFromTheStart) {
  with([](ApiServer&, testing::ApiClient& client) -> Task<void> {
    const auto own = co_await client.ask("GET", std::string(kServices) + "/kubernetes");
    EXPECT_EQ(json::text(own.body, {"spec", "clusterIP"}), "10.96.0.1");
    const auto network = co_await client.ask("GET", "/apis/networking.k8s.io/v1/servicecidrs/kubernetes");
    EXPECT_EQ(network.code, 200);
    EXPECT_THAT(network.text, HasSubstr("Kubernetes default Service CIDR is ready"));
  });
}

TEST_F(Services, AnAddressOrPortIsGivenOnceAndOnlyFromTheClustersOwn) {
  with([](ApiServer&, testing::ApiClient& client) -> Task<void> {
    const auto foreign = co_await client.ask("POST", kServices, service("a", {{"clusterIP", "11.1.1.1"}}));
    EXPECT_EQ(foreign.code, 422);
    EXPECT_THAT(foreign.text, HasSubstr("the provided network does not match the current range"));
    const auto first = co_await client.ask("POST", kServices, service("b", {{"clusterIP", "10.96.0.77"}}));
    EXPECT_EQ(first.code, 201) << first.text;
    const auto twice = co_await client.ask("POST", kServices, service("c", {{"clusterIP", "10.96.0.77"}}));
    EXPECT_THAT(twice.text, HasSubstr("provided IP is already allocated"));
    const json::array ports{json::object{{"port", 80}, {"nodePort", 30100}}};
    json::object node_port{{"type", "NodePort"}, {"ports", ports}};
    const auto port = co_await client.ask("POST", kServices, service("d", node_port));
    EXPECT_EQ(port.code, 201) << port.text;
    const auto taken = co_await client.ask("POST", kServices, service("e", node_port));
    EXPECT_THAT(taken.text, HasSubstr("spec.ports[0].nodePort: Invalid value: 30100: provided port is already"));
    json::value same = port.body;
    const auto again = co_await client.ask("PUT", std::string(kServices) + "/d", std::move(same));
    EXPECT_EQ(again.code, 200) << again.text;
  });
}

/// An HTTP server behind a service: answers with the path that it was asked for.
Task<void> echo(http::Exchange& exchange) {
  http::Response response;
  response.body = exchange.request().method + " " + exchange.request().target;
  co_await exchange.respond(std::move(response));
}

TEST_F(Services, TheProxyLeadsToAnEndpointAndNeverToTheServiceItself) {
  with([](ApiServer&, testing::ApiClient& client) -> Task<void> {
    const Executor executor = co_await async::thisExecutor();
    Result<std::unique_ptr<net::Listener>> listener = net::listenTcp(executor, "127.0.0.1", 0);
    const uint16_t port = (*listener)->port();
    http::Server backend(executor, {}, echo);
    async::TaskGroup group(executor);
    group.spawn("backend", backend.serve(std::move(*listener), nullptr));
    const auto made = co_await client.ask("POST", kServices, service("web", {}));
    EXPECT_EQ(made.code, 201) << made.text;
    const auto empty = co_await client.ask("DELETE", std::string(kServices) + "/web/proxy/");
    EXPECT_EQ(empty.code, 503);
    EXPECT_THAT(empty.text, HasSubstr("no endpoints available for service"));
    json::value slice{{"metadata", {{"name", "web-1"}, {"labels", {{"kubernetes.io/service-name", "web"}}}}},
                      {"addressType", "IPv4"},
                      {"endpoints", json::array{json::object{{"addresses", json::array{"127.0.0.1"}}}}},
                      {"ports", json::array{json::object{{"name", ""}, {"port", int64_t{port}}}}}};
    const auto added =
        co_await client.ask("POST", "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices", slice);
    if (added.code == 201) {
      const auto through = co_await client.ask("GET", std::string(kServices) + "/web:80/proxy/x/y?q=1");
      EXPECT_EQ(through.code, 200) << through.text;
      EXPECT_EQ(through.text, "GET /x/y?q=1");
    } else {
      // Endpoints of a cluster are never on the loopback.
      EXPECT_THAT(added.text, HasSubstr("loopback"));
    }
    co_await backend.stop();
    co_await group.stop();
  });
}

/// A page with a link, and a redirect.
Task<void> page(http::Exchange& exchange) {
  http::Response response;
  const http::Request& request = exchange.request();
  if (request.target == "/moved") {
    response.status = 302;
    response.headers.set("Location", "/there");
  }
  response.headers.set("Content-Type", "text/html; charset=utf-8");
  response.body = fmt::format("{} <a href=\"/x\">", request.method);
  co_await exchange.respond(std::move(response));
}

TEST_F(Services, APodsPageLeadsThroughTheProxyAgain) {
  with([](ApiServer&, testing::ApiClient& client) -> Task<void> {
    const Executor executor = co_await async::thisExecutor();
    Result<std::unique_ptr<net::Listener>> listener = net::listenTcp(executor, "127.0.0.1", 0);
    const uint16_t port = (*listener)->port();
    http::Server backend(executor, {}, page);
    async::TaskGroup group(executor);
    group.spawn("backend", backend.serve(std::move(*listener), nullptr));
    const std::string pods = "/api/v1/namespaces/default/pods";
    const json::object container{{"name", "c"}, {"image", "i"}};
    json::value pod{{"metadata", {{"name", "proxy"}}}, {"spec", {{"containers", json::array{container}}}}};
    const auto made = co_await client.ask("POST", pods, std::move(pod));
    EXPECT_EQ(made.code, 201) << made.text;
    json::value status{
        {"status", {{"podIP", "127.0.0.1"}, {"podIPs", json::array{json::object{{"ip", "127.0.0.1"}}}}}}};
    const auto told =
        co_await client.ask("PATCH", pods + "/proxy/status", std::move(status), "application/merge-patch+json");
    EXPECT_EQ(told.code, 200) << told.text;
    const std::string proxy = fmt::format("{}/proxy:{}/proxy", pods, port);
    const auto whole = co_await client.ask("GET", proxy + "/");
    EXPECT_EQ(whole.text, fmt::format("GET <a href=\"{}/x\">", proxy));
    const auto options = co_await client.ask("OPTIONS", proxy);
    EXPECT_EQ(options.code, 200);
    EXPECT_THAT(options.text, HasSubstr("OPTIONS"));
    for (const char* method : {"GET", "HEAD"}) {
      const auto no_slash = co_await client.ask(method, proxy + "?a=1");
      EXPECT_EQ(no_slash.code, 301) << method;
      EXPECT_EQ(no_slash.location, proxy + "/?a=1");
    }
    const auto head = co_await client.ask("HEAD", proxy + "/");
    EXPECT_EQ(head.code, 200);
    EXPECT_EQ(head.text, "");
    const auto moved = co_await client.ask("GET", proxy + "/moved");
    EXPECT_EQ(moved.code, 302);
    EXPECT_EQ(moved.location, proxy + "/there");
    co_await backend.stop();
    co_await group.stop();
  });
}

}  // namespace
}  // namespace slipway::apiserver
