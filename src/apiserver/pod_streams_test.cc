// Logs and exec, passed on to the kubelet of the pod's node.
#include <gmock/gmock.h>

#include "apiserver/testing/server_test.h"
#include "base/clock.h"
#include "http/server.h"
#include "net/tcp.h"
#include "pki/certificate.h"

namespace slipway::apiserver {
namespace {

using PodStreams = testing::ServerTest;

/// A kubelet that has a log of two lines and echoes what an exec session sends.
class FakeKubelet {
 public:
  explicit FakeKubelet(Executor executor)
      : server_(executor, {}, [this](http::Exchange& e) { return answer(e); }), group_(executor) {
    pki::CertificateTemplate names;
    names.common_name = "kubelet";
    names.ips = {"127.0.0.1"};
    names.server_usage = true;
    names.not_before = SystemClock().now() - std::chrono::minutes(1);
    const pki::Identity ca = pki::createCa(names, pki::KeyType::EcP256).value();
    const pki::Identity own = pki::issue(ca, names, pki::KeyType::EcP256).value();
    net::TlsOptions tls;
    tls.certificate = own.certificate;
    tls.key = own.key;
    auto listener = net::listenTcp(executor, "127.0.0.1", 0).value();
    port_ = listener->port();
    group_.spawn("fake kubelet", server_.serve(std::move(listener), net::TlsContext::server(tls).value()));
  }
  Task<void> stop() {
    co_await server_.stop();
    co_await group_.stop();
  }
  uint16_t port() const { return port_; }
  std::vector<std::string> targets;

 private:
  Task<void> answer(http::Exchange& exchange) {
    targets.push_back(exchange.request().target);
    if (exchange.request().query() == "previous=true") {
      http::Response response{400, {{"Content-Type", "text/plain"}}, "it never ran before\n"};
      co_await exchange.respond(std::move(response));
      co_return;
    }
    if (exchange.request().path().starts_with("/containerLogs/")) {
      http::Response response{200, {{"Content-Type", "text/plain"}}, "one\ntwo\n"};
      co_await exchange.respond(std::move(response));
      co_return;
    }
    http::Response head{101, {{"Connection", "Upgrade"}, {"Upgrade", "SPDY/3.1"}}, ""};
    auto stream = co_await exchange.upgrade(std::move(head));
    if (!stream) co_return;
    std::array<char, 100> buffer{};
    while (true) {
      const auto got = co_await (*stream)->readSome(buffer);
      if (!got || *got == 0) break;
      const std::string echo = "echo " + std::string(buffer.data(), *got);
      co_await (*stream)->write(echo);
    }
  }

  http::Server server_;
  async::TaskGroup group_;
  uint16_t port_ = 0;
};

Task<void> makeRunningPod(testing::ApiClient& client, uint16_t kubelet_port) {
  const auto node = json::parse(fmt::format(
      R"({{"apiVersion":"v1","kind":"Node","metadata":{{"name":"n1"}},"status":{{"addresses":[{{"type":"InternalIP",)"
      R"("address":"127.0.0.1"}}],"daemonEndpoints":{{"kubeletEndpoint":{{"Port":{}}}}}}}}})",
      kubelet_port));
  const auto made = co_await client.ask("POST", "/api/v1/nodes", node);
  EXPECT_EQ(made.code, 201) << made.text;
  co_await client.eventually("/api/v1/namespaces/default/serviceaccounts/default", 200);
  const json::value bound = {{"metadata", {{"name", "p"}}},
                             {"spec", {{"nodeName", "n1"}, {"containers", {{{"name", "c"}, {"image", "busybox"}}}}}}};
  co_await client.ask("POST", "/api/v1/namespaces/default/pods", bound);
}

TEST_F(PodStreams, LogsComeFromTheKubeletOfTheNode) {
  with([](ApiServer&, testing::ApiClient& client) -> Task<void> {
    FakeKubelet kubelet(co_await async::thisExecutor());
    co_await makeRunningPod(client, kubelet.port());
    const auto log = co_await client.ask("GET", "/api/v1/namespaces/default/pods/p/log?tailLines=2");
    EXPECT_EQ(log.code, 200);
    EXPECT_EQ(log.text, "one\ntwo\n");
    EXPECT_THAT(kubelet.targets, ::testing::ElementsAre("/containerLogs/default/p/c?tailLines=2"));
    const auto refused = co_await client.ask("GET", "/api/v1/namespaces/default/pods/p/log?previous=true");
    EXPECT_EQ(refused.code, 400);
    EXPECT_EQ(json::text(refused.body, {"message"}), "it never ran before");
    co_await kubelet.stop();
  });
}

TEST_F(PodStreams, ExecIsPassedThroughBothWays) {
  with([](ApiServer&, testing::ApiClient& client) -> Task<void> {
    FakeKubelet kubelet(co_await async::thisExecutor());
    co_await makeRunningPod(client, kubelet.port());
    http::Request request;
    request.method = "POST";
    request.target = "/api/v1/namespaces/default/pods/p/exec?command=sh&stdin=true&stdout=true&tty=false";
    request.headers = {
        {"Connection", "Upgrade"}, {"Upgrade", "SPDY/3.1"}, {"X-Stream-Protocol-Version", "v4.channel.k8s.io"}};
    auto upgraded = co_await client.upgrade(std::move(request));
    EXPECT_TRUE(upgraded) << upgraded.error().message;
    if (upgraded && upgraded->stream) {
      co_await upgraded->stream->write("hello");
      std::array<char, 100> buffer{};
      const auto got = co_await upgraded->stream->readSome(buffer);
      EXPECT_TRUE(got);
      EXPECT_EQ(std::string(buffer.data(), got.value_or(0)), "echo hello");
      upgraded->stream->close();
    } else {
      ADD_FAILURE() << "refused: " << (upgraded ? upgraded->head.body : "");
    }
    EXPECT_THAT(kubelet.targets, ::testing::ElementsAre("/exec/default/p/c?command=sh&input=1&output=1"));
    co_await kubelet.stop();
  });
}

}  // namespace
}  // namespace slipway::apiserver
