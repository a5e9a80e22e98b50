#include "apiserver/testing/api_client.h"

#include "base/files.h"
#include "base/strings.h"
#include "net/tcp.h"
#include "net/tls.h"

namespace slipway::apiserver::testing {
namespace {

/// A value of the kubeconfig that ClusterPki writes, one field a line.
std::string field(const std::string& text, const std::string& name) {
  const size_t at = text.find(name + ": ");
  if (at == std::string::npos) return {};
  const size_t begin = at + name.size() + 2;
  return text.substr(begin, text.find('\n', begin) - begin);
}

std::unique_ptr<http::Client> clientOf(Executor executor, uint16_t port, const net::TlsOptions& tls) {
  auto context = net::TlsContext::client(tls).value();
  auto dialer = net::tlsDialer(net::tcpDialer({"127.0.0.1", port}), std::move(context), "127.0.0.1");
  return std::make_unique<http::Client>(std::move(executor), std::move(dialer));
}

}  // namespace

ApiClient::ApiClient(Executor executor, const std::filesystem::path& kubeconfig) {
  const std::string text = readFile(kubeconfig).value();
  const std::string server = field(text, "server");
  net::TlsOptions tls;
  tls.ca = base64Decode(field(text, "certificate-authority-data")).value();
  tls.certificate = base64Decode(field(text, "client-certificate-data")).value();
  tls.key = base64Decode(field(text, "client-key-data")).value();
  const auto port = static_cast<uint16_t>(parseInt(server.substr(server.rfind(':') + 1)).value());
  client_ = clientOf(std::move(executor), port, tls);
}

ApiClient ApiClient::anonymous(Executor executor, uint16_t port) {
  ApiClient client;
  net::TlsOptions tls;
  tls.insecure_skip_verify = true;
  client.client_ = clientOf(std::move(executor), port, tls);
  return client;
}

Task<ApiClient::Answer> ApiClient::send(http::Request request) {
  if (!token_.empty()) request.headers.set("Authorization", "Bearer " + token_);
  Result<http::Response> response = co_await client_->send(std::move(request));
  Answer answer;
  if (!response) {
    answer.text = response.error().message;
    co_return answer;
  }
  answer.code = response->status;
  answer.text = std::move(response->body);
  for (const std::string_view warning : response->headers.all("Warning")) answer.warnings.emplace_back(warning);
  answer.location = response->headers.get("Location");
  json::error_code error;
  json::value document = json::parse(answer.text, error);
  if (!error && document.is_object()) answer.body = std::move(document.get_object());
  co_return answer;
}

Task<Result<http::Upgraded>> ApiClient::upgrade(http::Request request) {
  co_return co_await client_->upgrade(std::move(request));
}

Task<ApiClient::Answer> ApiClient::ask(std::string method, std::string path) {
  http::Request request;
  request.method = std::move(method);
  request.target = std::move(path);
  co_return co_await send(std::move(request));
}

Task<ApiClient::Answer> ApiClient::ask(std::string method, std::string path, json::value body, std::string type) {
  http::Request request;
  request.method = std::move(method);
  request.target = std::move(path);
  request.headers.set("Content-Type", std::move(type));
  request.body = json::serialize(body);
  co_return co_await send(std::move(request));
}

Task<std::vector<json::object>> ApiClient::watch(std::string path) {
  const Answer answer = co_await ask("GET", std::move(path));
  std::vector<json::object> events;
  for (const std::string_view line : split(answer.text, '\n')) {
    if (!line.empty()) events.push_back(json::parse(line).as_object());
  }
  co_return events;
}

Task<bool> ApiClient::eventually(std::string path, int code) {
  for (int i = 0; i < 500; ++i) {
    const Answer answer = co_await ask("GET", path);
    if (answer.code == code) co_return true;
    co_await async::sleepFor(std::chrono::milliseconds(10));
  }
  co_return false;
}

}  // namespace slipway::apiserver::testing
