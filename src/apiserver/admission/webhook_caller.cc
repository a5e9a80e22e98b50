#include "apiserver/admission/webhook_caller.h"

#include "apiserver/api/convert.h"
#include "apiserver/api/object_meta.h"
#include "apiserver/api/service_target.h"
#include "base/strings.h"
#include "json/document.h"
#include "net/tcp.h"
#include "net/tls.h"

namespace slipway::apiserver {
namespace {

constexpr size_t kMaxClients = 64;
constexpr size_t kMaxAnswer = 16U << 20U;
constexpr int64_t kServicePort = 443;

/// Where a webhook is: what its certificate is for, and where to dial.
struct Place {
  net::HostPort dial;
  std::string server_name;
  std::string authority;  ///< for the URL that people see
  std::string path;
};

Result<Place> placeOfUrl(std::string_view url) {
  constexpr std::string_view kScheme = "https://";
  if (!url.starts_with(kScheme)) return failure(Code::BadRequest, "the URL {} is not https", url);
  const std::string_view rest = url.substr(kScheme.size());
  const size_t slash = rest.find('/');
  Place place;
  place.authority = rest.substr(0, slash);
  place.path = slash == std::string_view::npos ? "/" : std::string(rest.substr(slash));
  TRY(place.dial, net::parseHostPort(place.authority, kServicePort));
  place.server_name = place.dial.host;
  return place;
}

Result<Place> placeOfService(Registry& registry, const json::object& reference) {
  const std::string ns(json::text(reference, {"namespace"})), name(json::text(reference, {"name"}));
  const StoredPtr stored = registry.store().table("core/services").find(fmt::format("{}/{}", ns, name));
  const int64_t port = json::findInt(reference, {"port"}).value_or(kServicePort);
  Place place;
  place.server_name = fmt::format("{}.{}.svc", name, ns);
  place.authority = fmt::format("{}:{}", place.server_name, port);
  place.path = json::text(reference, {"path"});
  if (!place.path.starts_with('/')) place.path.insert(0, "/");
  if (!stored) return failure(Code::NotFound, "service \"{}\" not found", name);
  const json::value service = json::parse(stored->bytes);
  const Answer<ServiceTarget> target = findServiceTarget(registry, service.as_object(), std::to_string(port));
  if (!target) return failure(Code::ServiceUnavailable, "{}", target.error().message);
  place.dial = {target->address, target->port};
  return place;
}

json::object kindOf(const Kind& kind) {
  return {{"group", kind.group}, {"version", kind.version}, {"kind", kind.kind}};
}
/// Of what is shown: a subresource's body says itself what it is.
json::object shownKind(const AdmissionRequest& request, const Kind& as) {
  if (!request.is_body) return kindOf(as);
  const std::string_view version = json::text(*request.object, {"apiVersion"});
  const size_t slash = version.find('/');
  const bool core = slash == std::string_view::npos;
  return {{"group", core ? std::string_view() : version.substr(0, slash)},
          {"version", core ? version : version.substr(slash + 1)},
          {"kind", json::text(*request.object, {"kind"})}};
}
json::object resourceOf(const Kind& kind) {
  return {{"group", kind.group}, {"version", kind.version}, {"resource", kind.plural}};
}

json::object userInfo(const User& user) {
  json::object out{{"username", user.name}};
  if (!user.uid.empty()) out["uid"] = user.uid;
  out["groups"] = json::array(user.groups.begin(), user.groups.end());
  if (user.extra.empty()) return out;
  json::object extra;
  for (const auto& [key, values] : user.extra) extra[key] = json::array(values.begin(), values.end());
  out["extra"] = std::move(extra);
  return out;
}

json::value asVersion(const json::object* object, const Kind& from, const Kind& to) {
  if (object == nullptr) return nullptr;
  json::object out = *object;
  if (&from != &to) {
    toStored(from, out);
    toServed(to, out);
  }
  return out;
}

Result<WebhookVerdict> readVerdict(const std::string& body, const Webhook& hook, const std::string& uid) {
  json::error_code error;
  const json::value document = json::parse(body, error);
  if (error || !document.is_object())
    return failure(Code::BadRequest, "received invalid webhook response: it is no JSON object");
  const json::object& review = document.get_object();
  const std::string wanted = "admission.k8s.io/" + hook.review_version;
  if (json::text(review, {"apiVersion"}) != wanted || json::text(review, {"kind"}) != "AdmissionReview") {
    return failure(Code::BadRequest,
                   "received invalid webhook response: expected webhook response of {}, Kind=AdmissionReview, got {}, "
                   "Kind={}",
                   wanted, json::text(review, {"apiVersion"}), json::text(review, {"kind"}));
  }
  const json::object* response = json::findObject(review, {"response"});
  if (response == nullptr)
    return failure(Code::BadRequest, "received invalid webhook response: webhook response was absent");
  if (json::text(*response, {"uid"}) != uid) {
    return failure(Code::BadRequest, "received invalid webhook response: expected response.uid=\"{}\", got \"{}\"", uid,
                   json::text(*response, {"uid"}));
  }
  WebhookVerdict verdict;
  verdict.allowed = json::isTrue(*response, {"allowed"});
  if (const json::object* status = json::findObject(*response, {"status"})) verdict.status = *status;
  if (const json::array* warnings = json::findArray(*response, {"warnings"})) {
    for (const json::value& warning : *warnings) {
      if (warning.is_string()) verdict.warnings.emplace_back(warning.get_string());
    }
  }
  if (const json::object* notes = json::findObject(*response, {"auditAnnotations"})) {
    for (const auto& [key, value] : *notes) {
      if (value.is_string()) verdict.audit_annotations[key] = value.get_string();
    }
  }
  const std::string_view patch = json::text(*response, {"patch"});
  if (patch.empty()) return verdict;
  if (json::text(*response, {"patchType"}) != "JSONPatch") {
    return failure(Code::BadRequest,
                   "received invalid webhook response: webhook returned response.patch but not "
                   "response.patchType JSONPatch");
  }
  const Result<std::string> bytes = base64Decode(patch);
  if (bytes) verdict.json_patch = json::parse(*bytes, error);
  if (!bytes || error) return failure(Code::BadRequest, "received invalid webhook response: the patch is no JSON");
  return verdict;
}

}  // namespace

json::object WebhookCaller::review(const Webhook& hook, const Kind& as, const AdmissionRequest& request,
                                   const std::string& uid) {
  json::object out{{"uid", uid}, {"kind", shownKind(request, as)}, {"resource", resourceOf(as)}};
  if (!request.subresource.empty()) out["subResource"] = request.subresource;
  out["requestKind"] = shownKind(request, *request.kind);
  out["requestResource"] = resourceOf(*request.kind);
  if (!request.subresource.empty()) out["requestSubResource"] = request.subresource;
  if (!request.name.empty()) out["name"] = request.name;
  if (request.kind->table == "core/namespaces") {
    out["namespace"] = request.name;
  } else if (!request.ns.empty()) {
    out["namespace"] = request.ns;
  }
  out["operation"] = request.operation;
  out["userInfo"] = userInfo(request.user);
  // A body is the same whichever version of the kind it belongs to.
  const Kind& shown_as = request.is_body ? *request.kind : as;
  out["object"] = asVersion(request.object, *request.kind, shown_as);
  out["oldObject"] = asVersion(request.old, *request.kind, shown_as);
  out["dryRun"] = request.dry_run;
  const char* options = request.operation == "CREATE"   ? "CreateOptions"
                        : request.operation == "UPDATE" ? "UpdateOptions"
                                                        : "DeleteOptions";
  out["options"] = json::object{{"kind", options}, {"apiVersion", "meta.k8s.io/v1"}};
  if (request.operation == "CONNECT") out["options"] = nullptr;
  return {{"kind", "AdmissionReview"},
          {"apiVersion", "admission.k8s.io/" + hook.review_version},
          {"request", std::move(out)}};
}

Result<std::shared_ptr<http::Client>> WebhookCaller::clientOf(Executor executor, const Webhook& hook,
                                                              std::string& url) {
  const json::object* service = json::findObject(hook.client, {"service"});
  url = service == nullptr ? json::text(hook.client, {"url"}) : std::string_view();
  if (service != nullptr) {
    url = fmt::format("https://{}.{}.svc:{}{}", json::text(*service, {"name"}), json::text(*service, {"namespace"}),
                      json::findInt(*service, {"port"}).value_or(kServicePort), json::text(*service, {"path"}));
  }
  TRY(const Place place, service == nullptr ? placeOfUrl(url) : placeOfService(registry_, *service));
  url = fmt::format("https://{}{}", place.authority, place.path);
  const std::string_view bundle = json::text(hook.client, {"caBundle"});
  const std::string key = fmt::format("{} {} {}", place.dial.str(), place.server_name, bundle);
  if (const auto known = clients_.find(key); known != clients_.end()) return known->second;
  net::TlsOptions tls;
  if (!bundle.empty()) {
    TRY(tls.ca, base64Decode(bundle));
  }
  TRY(std::shared_ptr<net::TlsContext> context, net::TlsContext::client(tls));
  auto dialer = net::tlsDialer(net::tcpDialer(place.dial), std::move(context), place.server_name);
  http::ClientOptions limits;
  limits.max_body_bytes = kMaxAnswer;
  if (clients_.size() >= kMaxClients) clients_.clear();
  auto client = std::make_shared<http::Client>(std::move(executor), std::move(dialer), limits);
  clients_[key] = client;
  return client;
}

Task<Result<WebhookVerdict>> WebhookCaller::ask(WebhookPtr hook, KindPtr as, const AdmissionRequest& request) {
  if (hook->review_version.empty())
    co_return failure(Code::BadRequest, "webhook does not accept known AdmissionReview versions (v1, v1beta1)");
  const std::string uid = random_.uuid();
  http::Request post;
  post.method = "POST";
  post.headers.set("Content-Type", "application/json");
  post.headers.set("Accept", "application/json, */*");
  post.headers.set("User-Agent", "kube-apiserver-admission");
  post.body = json::serialize(review(*hook, *as, request, uid));
  const Executor executor = co_await async::thisExecutor();
  std::string url;
  const Result<std::shared_ptr<http::Client>> client = clientOf(executor, *hook, url);
  const std::string timeout =
      fmt::format("{}timeout={}s", url.find('?') == std::string::npos ? "?" : "&", hook->timeout.count());
  const std::string shown = fmt::format("failed to call webhook: Post \"{}{}\": ", url, timeout);
  if (!client) co_return failure(client.error().code, "{}{}", shown, client.error().message);
  const size_t path = url.find('/', std::string_view("https://").size());
  post.target = url.substr(path) + timeout;
  const std::shared_ptr<http::Client> kept = *client;
  Result<http::Response> response = co_await kept->send(std::move(post), hook->timeout);
  if (!response && response.error().is(Code::Timeout))
    co_return failure(Code::Timeout, "{}context deadline exceeded", shown);
  if (!response) co_return failure(Code::InternalError, "{}{}", shown, response.error().message);
  if (response->status < 200 || response->status > 299) {
    co_return failure(Code::InternalError, "failed to call webhook: the server answered with status {}: {}",
                      response->status, response->body.substr(0, 200));
  }
  co_return readVerdict(response->body, *hook, uid);
}

}  // namespace slipway::apiserver
