#pragma once

#include <memory>

#include "base/clock.h"
#include "base/random.h"
#include "kube/client.h"
#include "kube/kubeconfig.h"
#include "kube/request_limiter.h"

namespace slipway::http {
class Client;
struct Request;
struct Response;
}  // namespace slipway::http

namespace slipway::kube {

struct HttpClientOptions {
  std::string user_agent = "slipway";
  std::string field_manager = "slipway";
  double rate = 2000;  ///< requests a second
  double burst = 4000;
  size_t connections = 64;
  std::chrono::nanoseconds deadline = std::chrono::seconds(30);
  int retries = 4;  ///< of answers 429 and, for reads, 503
  /// get, list and watch ask for metadata only (PartialObjectMetadata): cheap for who looks at no more.
  bool metadata_only = false;
};

/// The real Client: HTTP/1.1 and JSON to one API server.
///
/// Waits its turn at a rate limit, obeys Retry-After of a 429, and reads a rotating token file again once a minute.
/// Runs on one loop; `clock` and `random` must outlive it.
class HttpClient final : public Client {
 public:
  static Result<std::unique_ptr<HttpClient>> make(Executor executor, ClusterAccess access, HttpClientOptions options,
                                                  const Clock& clock);
  ~HttpClient() override;

  Task<Result<Object>> get(Resource resource, std::string ns, std::string name, std::string subresource) override;
  Task<Result<List>> list(Resource resource, std::string ns, ListOptions options) override;
  Task<Result<std::unique_ptr<Watch>>> watch(Resource resource, std::string ns, WatchOptions options) override;
  Task<Result<Object>> create(Resource resource, std::string ns, Object object, std::string name,
                              std::string subresource) override;
  Task<Result<Object>> update(Resource resource, Object object, std::string subresource) override;
  Task<Result<Object>> patch(Resource resource, std::string ns, std::string name, PatchType type, json::value patch,
                             std::string subresource, bool force) override;
  Task<Result<Object>> remove(Resource resource, std::string ns, std::string name, DeleteOptions options) override;

  /// GET of any path below the server's address: "/apis", "/version".
  Task<Result<Object>> getPath(std::string path, std::string accept = "application/json");

  /// Requests sent so far, for metrics.
  uint64_t requests() const { return requests_; }

 private:
  struct Call;
  HttpClient(std::unique_ptr<http::Client> http, ClusterAccess access, std::string prefix, std::string host,
             HttpClientOptions options, const Clock& clock);
  Task<Result<Object>> send(Call call);
  Task<Result<http::Response>> exchange(Call call);
  http::Request request(const Call& call);
  std::string authorization();

  std::unique_ptr<http::Client> http_;
  ClusterAccess access_;
  std::string prefix_;
  std::string host_;
  HttpClientOptions options_;
  const Clock& clock_;
  RequestLimiter limiter_;
  std::string token_;
  SteadyTime token_read_at_{};
  uint64_t requests_ = 0;
};

/// Body and status of an answer → the object, or the error that the server's Status describes. `what` begins the
/// message.
Result<Object> decodeAnswer(int status, std::string_view body, const std::string& what);
/// Takes nulls out, deeply: in Kubernetes a null field is a missing one.
void dropNulls(json::value& value);

}  // namespace slipway::kube
