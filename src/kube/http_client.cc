#include "kube/http_client.h"

#include "base/files.h"
#include "base/strings.h"
#include "http/client.h"
#include "kube/watch_stream.h"
#include "net/tcp.h"
#include "net/tls.h"

namespace slipway::kube {
namespace {

constexpr auto kTokenLifetime = std::chrono::minutes(1);
constexpr auto kLongestPause = std::chrono::seconds(30);

std::string pathOf(const Resource& resource, const std::string& ns, const std::string& name,
                   const std::string& subresource) {
  std::string path = resource.group.empty() ? "/api/" : "/apis/" + resource.group + "/";
  path += resource.version;
  if (resource.namespaced && !ns.empty()) path += "/namespaces/" + percentEncode(ns);
  path += "/" + resource.plural;
  if (!name.empty()) path += "/" + percentEncode(name);
  if (!subresource.empty()) path += "/" + subresource;
  return path;
}

std::string describe(std::string_view verb, const Resource& resource, const std::string& ns, const std::string& name,
                     const std::string& subresource) {
  std::string what = fmt::format("{} {}", verb, resource.plural);
  if (!subresource.empty()) what += "/" + subresource;
  if (!name.empty()) what += ns.empty() ? " " + name : fmt::format(" {}/{}", ns, name);
  return what;
}

class Query {
 public:
  void add(std::string_view name, std::string_view value) {
    if (value.empty()) return;
    text_ += fmt::format("{}{}={}", text_.empty() ? "?" : "&", name, percentEncode(value));
  }
  const std::string& str() const { return text_; }

 private:
  std::string text_;
};

RequestLimiter::Priority priorityOf(const Resource& resource, const std::string& subresource) {
  const bool urgent = resource.plural == "leases" || resource.plural == "nodes" || subresource == "status";
  return urgent ? RequestLimiter::Priority::Urgent : RequestLimiter::Priority::Normal;
}

const char* contentType(PatchType type) {
  switch (type) {
    case PatchType::Json:
      return "application/json-patch+json";
    case PatchType::Merge:
      return "application/merge-patch+json";
    case PatchType::StrategicMerge:
      return "application/strategic-merge-patch+json";
    case PatchType::Apply:
      return "application/apply-patch+yaml";
  }
  return "application/json";
}

Object deleteBody(const DeleteOptions& options) {
  Object body{{"apiVersion", "v1"}, {"kind", "DeleteOptions"}};
  if (options.grace_seconds) body["gracePeriodSeconds"] = *options.grace_seconds;
  if (!options.uid.empty()) ensure(body, {"preconditions"})["uid"] = options.uid;
  if (!options.resource_version.empty()) ensure(body, {"preconditions"})["resourceVersion"] = options.resource_version;
  if (!options.propagation.empty()) body["propagationPolicy"] = options.propagation;
  return body;
}

void setKind(Object& object, const Resource& resource) {
  if (!object.contains("apiVersion")) object["apiVersion"] = resource.apiVersion();
  if (!object.contains("kind")) object["kind"] = resource.kind;
}

/// A server that does not know the form answers with whole objects.
std::string metadataForm(std::string_view kind) {
  return fmt::format("application/json;as={};g=meta.k8s.io;v=v1,application/json", kind);
}

struct ServerUrl {
  bool tls = true;
  net::HostPort where;
  std::string prefix;
};

Result<ServerUrl> parseServer(const std::string& url) {
  ServerUrl server;
  std::string_view rest = url;
  if (rest.starts_with("https://")) {
    rest.remove_prefix(8);
  } else if (rest.starts_with("http://")) {
    rest.remove_prefix(7);
    server.tls = false;
  } else {
    return failure(Code::Invalid, "server \"{}\": https:// or http:// expected", url);
  }
  const size_t slash = rest.find('/');
  if (slash != std::string_view::npos) {
    server.prefix = std::string(rest.substr(slash));
    while (server.prefix.ends_with('/')) server.prefix.pop_back();
    rest = rest.substr(0, slash);
  }
  TRY(server.where, net::parseHostPort(rest, server.tls ? 443 : 80));
  return server;
}

}  // namespace

struct HttpClient::Call {
  std::string what;
  std::string method;
  std::string target;
  RequestLimiter::Priority priority = RequestLimiter::Priority::Normal;
  std::string accept = "application/json";
  std::string content_type;
  std::string body;
};

Result<std::unique_ptr<HttpClient>> HttpClient::make(Executor executor, ClusterAccess access, HttpClientOptions options,
                                                     const Clock& clock) {
  TRY(ServerUrl server, parseServer(access.server));
  std::unique_ptr<net::Dialer> dialer = net::tcpDialer(server.where, access.proxy_url);
  if (server.tls) {
    net::TlsOptions tls;
    tls.certificate = access.certificate;
    tls.key = access.key;
    tls.ca = access.ca;
    tls.insecure_skip_verify = access.insecure;
    tls.alpn = {"http/1.1"};
    TRY(std::shared_ptr<net::TlsContext> context, net::TlsContext::client(tls));
    dialer =
        net::tlsDialer(std::move(dialer), context, access.server_name.empty() ? server.where.host : access.server_name);
  }
  http::ClientOptions http_options;
  http_options.max_idle_connections = options.connections;
  auto http = std::make_unique<http::Client>(executor, std::move(dialer), http_options);
  return std::unique_ptr<HttpClient>(
      new HttpClient(std::move(http), std::move(access), server.prefix, server.where.str(), std::move(options), clock));
}

HttpClient::HttpClient(std::unique_ptr<http::Client> http, ClusterAccess access, std::string prefix, std::string host,
                       HttpClientOptions options, const Clock& clock)
    : http_(std::move(http)),
      access_(std::move(access)),
      prefix_(std::move(prefix)),
      host_(std::move(host)),
      options_(std::move(options)),
      clock_(clock),
      limiter_(options_.rate, options_.burst, clock) {}

HttpClient::~HttpClient() = default;

std::string HttpClient::authorization() {
  if (!access_.token_file.empty()) {
    const SteadyTime now = clock_.steady();
    if (token_.empty() || now - token_read_at_ > kTokenLifetime) {
      // While the file cannot be read the last token may still hold.
      if (const Result<std::string> read = readFile(access_.token_file)) token_ = std::string(trim(*read));
      token_read_at_ = now;
    }
    if (!token_.empty()) return "Bearer " + token_;
  }
  if (!access_.token.empty()) return "Bearer " + access_.token;
  if (!access_.user.empty()) return "Basic " + base64Encode(access_.user + ":" + access_.password);
  return "";
}

http::Request HttpClient::request(const Call& call) {
  http::Request request;
  request.method = call.method;
  request.target = prefix_ + call.target;
  request.headers.set("Host", host_);
  request.headers.set("Accept", call.accept);
  request.headers.set("User-Agent", options_.user_agent);
  if (const std::string value = authorization(); !value.empty()) request.headers.set("Authorization", value);
  if (!call.body.empty()) {
    request.headers.set("Content-Type", call.content_type.empty() ? "application/json" : call.content_type);
  }
  request.body = call.body;
  return request;
}

Task<Result<http::Response>> HttpClient::exchange(Call call) {
  for (int attempt = 0;; ++attempt) {
    co_await limiter_.acquire(call.priority);
    ++requests_;
    http::Request message = request(call);
    Result<http::Response> response = co_await http_->send(std::move(message), options_.deadline);
    if (!response) co_return failure(response.error().wrap(call.what));
    const bool busy = response->status == 429 || (response->status == 503 && call.method == "GET");
    if (!busy || attempt >= options_.retries) co_return response;
    const auto asked = std::chrono::seconds(parseInt(response->headers.get("Retry-After")).value_or(1));
    const std::chrono::nanoseconds delay =
        std::clamp<std::chrono::nanoseconds>(asked, std::chrono::seconds(1), kLongestPause);
    if (response->status == 429) limiter_.pause(delay);
    co_await async::sleepFor(delay);
  }
}

Task<Result<Object>> HttpClient::send(Call call) {
  const std::string what = call.what;
  const Result<http::Response> response = co_await exchange(std::move(call));
  if (!response) co_return failure(response.error());
  co_return decodeAnswer(response->status, response->body, what);
}

Task<Result<Object>> HttpClient::get(Resource resource, std::string ns, std::string name, std::string subresource) {
  Call call;
  call.what = describe("get", resource, ns, name, subresource);
  call.method = "GET";
  call.target = pathOf(resource, ns, name, subresource);
  call.priority = priorityOf(resource, subresource);
  if (options_.metadata_only) call.accept = metadataForm("PartialObjectMetadata");
  co_return co_await send(std::move(call));
}

Task<Result<Object>> HttpClient::getPath(std::string path, std::string accept) {
  Call call;
  call.what = "get " + path;
  call.method = "GET";
  call.target = std::move(path);
  call.accept = std::move(accept);
  co_return co_await send(std::move(call));
}

Task<Result<List>> HttpClient::list(Resource resource, std::string ns, ListOptions options) {
  List all;
  std::string next;
  do {
    Query query;
    query.add("labelSelector", options.label_selector);
    query.add("fieldSelector", options.field_selector);
    if (options.limit > 0) query.add("limit", std::to_string(options.limit));
    if (next.empty()) query.add("resourceVersion", options.resource_version);
    query.add("continue", next);
    Call call;
    call.what = describe("list", resource, ns, "", "");
    call.method = "GET";
    call.target = pathOf(resource, ns, "", "") + query.str();
    call.priority = priorityOf(resource, "");
    if (options_.metadata_only) call.accept = metadataForm("PartialObjectMetadataList");
    Result<Object> page = co_await send(std::move(call));
    if (!page) co_return failure(page.error());
    all.resource_version = std::string(text(*page, {"metadata", "resourceVersion"}));
    next = std::string(text(*page, {"metadata", "continue"}));
    json::value* found = page->if_contains("items");
    if (found == nullptr || !found->is_array()) continue;
    for (json::value& item : found->get_array()) {
      if (!item.is_object()) continue;
      setKind(item.get_object(), resource);
      if (options.sink) {
        options.sink(std::move(item.get_object()));
      } else {
        all.items.push_back(std::move(item.get_object()));
      }
    }
  } while (!next.empty());
  co_return all;
}

Task<Result<std::unique_ptr<Watch>>> HttpClient::watch(Resource resource, std::string ns, WatchOptions options) {
  Query query;
  query.add("watch", "true");
  query.add("allowWatchBookmarks", "true");
  query.add("labelSelector", options.label_selector);
  query.add("fieldSelector", options.field_selector);
  query.add("resourceVersion", options.resource_version);
  query.add("timeoutSeconds", std::to_string(options.timeout.count()));
  Call call;
  call.what = describe("watch", resource, ns, "", "");
  call.method = "GET";
  call.target = pathOf(resource, ns, "", "") + query.str();
  if (options_.metadata_only) call.accept = metadataForm("PartialObjectMetadata");
  co_await limiter_.acquire(RequestLimiter::Priority::Urgent);
  ++requests_;
  http::Request message = request(call);
  Result<std::unique_ptr<http::ResponseStream>> stream = co_await http_->open(std::move(message), options_.deadline);
  if (!stream) co_return failure(stream.error().wrap(call.what));
  co_return co_await openWatch(std::move(*stream), call.what, options.timeout);
}

Task<Result<Object>> HttpClient::create(Resource resource, std::string ns, Object object, std::string name,
                                        std::string subresource) {
  if (subresource.empty()) setKind(object, resource);
  Query query;
  query.add("fieldManager", options_.field_manager);
  Call call;
  call.what = describe("create", resource, ns, name.empty() ? std::string(kube::name(object)) : name, subresource);
  call.method = "POST";
  call.target = pathOf(resource, ns, name, subresource) + query.str();
  call.priority = priorityOf(resource, subresource);
  call.body = json::serialize(object);
  co_return co_await send(std::move(call));
}

Task<Result<Object>> HttpClient::update(Resource resource, Object object, std::string subresource) {
  setKind(object, resource);
  const std::string ns(nameSpace(object));
  const std::string name(kube::name(object));
  Query query;
  query.add("fieldManager", options_.field_manager);
  Call call;
  call.what = describe("update", resource, ns, name, subresource);
  call.method = "PUT";
  call.target = pathOf(resource, ns, name, subresource) + query.str();
  call.priority = priorityOf(resource, subresource);
  call.body = json::serialize(object);
  co_return co_await send(std::move(call));
}

Task<Result<Object>> HttpClient::patch(Resource resource, std::string ns, std::string name, PatchType type,
                                       json::value patch, std::string subresource, bool force) {
  Query query;
  query.add("fieldManager", options_.field_manager);
  if (force) query.add("force", "true");
  Call call;
  call.what = describe("patch", resource, ns, name, subresource);
  call.method = "PATCH";
  call.target = pathOf(resource, ns, name, subresource) + query.str();
  call.priority = priorityOf(resource, subresource);
  call.content_type = contentType(type);
  call.body = json::serialize(patch);
  co_return co_await send(std::move(call));
}

Task<Result<Object>> HttpClient::remove(Resource resource, std::string ns, std::string name, DeleteOptions options) {
  Call call;
  call.what = describe("delete", resource, ns, name, "");
  call.method = "DELETE";
  call.target = pathOf(resource, ns, name, "");
  call.body = json::serialize(deleteBody(options));
  co_return co_await send(std::move(call));
}

}  // namespace slipway::kube
