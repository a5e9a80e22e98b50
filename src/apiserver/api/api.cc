#include "apiserver/api/api.h"

#include "apiserver/api/content.h"
#include "apiserver/api/discovery.h"
#include "apiserver/api/warnings.h"
#include "base/log.h"
#include "base/strings.h"

namespace slipway::apiserver {
namespace {

/// Whether the path fits the kind: collections and objects, in a namespace or not, and the method there.
Done checkShape(const Call& call) {
  const RequestInfo& info = call.info;
  const Kind& kind = *call.kind;
  const bool is_namespace = kind.group.empty() && kind.plural == "namespaces";
  const bool in_path = !info.ns.empty() && !is_namespace;
  if (!kind.namespaced && in_path) return failure(refuse::noSuchResource());
  const std::string& method = call.request.method;
  const bool reads = method == "GET" || method == "HEAD";
  const bool listing = info.verb == "list" || info.verb == "watch";
  const bool named = !info.name.empty() && !listing;
  if (kind.namespaced && !in_path) {
    if (named) return failure(refuse::noSuchResource());
    if (!reads) return failure(refuse::methodNotAllowed());
  }
  if (!info.subresource.empty()) {
    const Subresource* sub = kind.subresource(info.subresource);
    if (sub == nullptr) return failure(refuse::noSuchResource());
    // What is behind a proxy may know methods that no verb stands for: OPTIONS.
    const bool passed_on = info.subresource == "proxy" && method == "OPTIONS";
    if (!passed_on && !sub->verbs.contains(info.verb)) return failure(refuse::methodNotAllowed());
    return {};
  }
  if (info.verb.empty() || !kind.hasVerb(info.verb)) return failure(refuse::methodNotAllowed());
  if (info.verb == "create" && named) return failure(refuse::methodNotAllowed());
  if ((info.verb == "update" || info.verb == "patch") && !named) return failure(refuse::methodNotAllowed());
  return {};
}

}  // namespace

Attributes attributesOf(const RequestInfo& info) {
  Attributes what;
  what.verb = info.verb;
  what.is_resource = info.is_resource;
  what.group = info.group;
  what.version = info.version;
  what.resource = info.resource;
  what.subresource = info.subresource;
  what.ns = info.ns;
  what.name = info.name;
  what.path = info.path;
  return what;
}

Api::Api(Parts parts) : p_(parts) {}

void Api::onSubresource(const std::string& table, const std::string& subresource, Handler handler) {
  resources_[table + "/" + subresource] = std::move(handler);
}

void Api::onResource(const std::string& table, Handler handler) {
  resources_[table] = std::move(handler);
}

void Api::onPath(const std::string& path, Handler handler, bool open_to_all) {
  paths_[path] = {std::move(handler), open_to_all};
}

const Api::Path* Api::findPath(const std::string& path) const {
  if (const auto exact = paths_.find(path); exact != paths_.end()) return &exact->second;
  // The one that the real server knows with a slash too, and as which the Python client asks for it.
  if (path == "/version/") return findPath("/version");
  for (const auto& [prefix, entry] : paths_) {
    if (prefix.ends_with('/') && path.starts_with(prefix)) return &entry;
  }
  return nullptr;
}

Task<void> Api::handle(http::Exchange& exchange) {
  const SteadyTime began = p_.clock.steady();
  Call call{exchange, exchange.request()};
  call.query = Query(call.request.query());
  call.info = readRequestInfo(call.request, call.query);
  call.now = p_.clock.now();
  call.schema = &p_.schema;
  call.kinds = &p_.registry.kinds();
  Answer<Reply> reply = co_await answer(call);
  Reply out = reply ? std::move(*reply) : refusal(call, reply.error());
  const int status = out.status;
  if (!out.sent) co_await send(call, std::move(out));
  if (observer_) observer_(call, status, p_.clock.steady() - began);
}

class Api::InFlight {
 public:
  InFlight(Api& api, const Call& call) : api_(api) {
    if (isLong(call.info) || call.user.name.empty() || call.user.in(kMasters)) return;
    user_ = call.user.name;
    size_t& count = api_.in_flight_[user_];
    is_over_ = count >= api_.max_in_flight_;
    ++count;
  }
  InFlight(const InFlight&) = delete;
  InFlight& operator=(const InFlight&) = delete;
  ~InFlight() {
    const auto counted = api_.in_flight_.find(user_);
    if (counted != api_.in_flight_.end() && --counted->second == 0) api_.in_flight_.erase(counted);
  }
  bool isOver() const { return is_over_; }

 private:
  static bool isLong(const RequestInfo& info) {
    constexpr std::string_view kStreams[] = {"log", "exec", "attach", "portforward", "proxy"};
    return info.verb == "watch" ||
           std::find(std::begin(kStreams), std::end(kStreams), info.subresource) != std::end(kStreams);
  }
  Api& api_;
  std::string user_;
  bool is_over_ = false;
};

namespace {

/// What a path must be to name something; behind a proxy it is somebody else's.
Done checkPath(const Call& call) {
  const RequestInfo& info = call.info;
  if (info.subresource == "proxy") return {};
  if (call.request.path().find("//") != std::string_view::npos) {
    return failure(info.is_resource ? refuse::noSuchResource() : refuse::noSuchPath());
  }
  for (const auto& [what, name] : {std::pair{"Namespace", &info.ns}, std::pair{"Name", &info.name}}) {
    const char* why = *name == "." ? "may not be '.'" : *name == ".." ? "may not be '..'" : nullptr;
    if (why == nullptr && name->find('/') != std::string::npos) why = "may not contain '/'";
    if (why == nullptr && name->find('%') != std::string::npos) why = "may not contain '%'";
    if (why != nullptr) {
      return failure(refuse::badRequest(fmt::format("{} parameter invalid: {:?}: {}", what, *name, why)));
    }
  }
  return {};
}

Done checkTimeout(const Call& call) {
  const std::string_view timeout = call.query.get("timeout");
  if (timeout.empty()) return {};
  const char* why = parseInt(timeout) && timeout != "0" ? "missing unit in"
                    : parseDuration(timeout)            ? nullptr
                                                        : "invalid";
  if (why == nullptr) return {};
  return failure(refuse::badRequest(
      fmt::format("invalid timeout specified in the request URL - time: {} duration {:?}", why, timeout)));
}

}  // namespace

Task<Answer<Reply>> Api::answer(Call& call) {
  const Path* path = call.info.is_resource ? nullptr : findPath(call.info.path);
  const bool open = path != nullptr && path->open_to_all;
  if (Done known = identify(call); !known && !open) co_return failure(std::move(known.error()));
  const InFlight under_way(*this, call);
  if (under_way.isOver()) co_return failure(refuse::tooManyRequests("Too many requests, please try again later.", 1));
  if (!open) {
    CO_TRY_STATUS(impersonate(call));
    CO_TRY_STATUS(authorize(call));
  }
  CO_TRY_STATUS(checkPath(call));
  CO_TRY_STATUS(checkTimeout(call));
  if (path != nullptr) {
    const std::string& method = call.request.method;
    if (method != "GET" && method != "HEAD") co_return failure(refuse::methodNotAllowed());
    co_return co_await path->handler(call);
  }
  co_return co_await route(call);
}

Done Api::identify(Call& call) {
  Result<std::optional<User>> user = p_.authenticator.authenticate(call.exchange.peer(), call.request.headers);
  if (!user) {
    log::debug("{} {}: {}", call.request.method, call.info.path, user.error().message);
    return failure(refuse::unauthorized());
  }
  if (!*user) return failure(refuse::unauthorized());
  call.user = std::move(**user);
  return {};
}

Done Api::impersonate(Call& call) {
  const http::Headers& headers = call.request.headers;
  const std::string name(headers.get("Impersonate-User"));
  User wanted{name, std::string(headers.get("Impersonate-Uid")), {}, {}};
  for (const std::string_view group : headers.all("Impersonate-Group")) wanted.groups.emplace_back(group);
  constexpr std::string_view kExtra = "impersonate-extra-";
  for (const auto& [field, value] : headers) {
    const std::string lower = toLower(field);
    if (lower.starts_with(kExtra)) wanted.extra[percentDecode(lower.substr(kExtra.size()))].push_back(value);
  }
  if (name.empty()) {
    if (wanted.groups.empty() && wanted.uid.empty() && wanted.extra.empty()) return {};
    return failure(refuse::internal("requested impersonation without impersonating a user"));
  }
  const auto check = [&](std::string_view group, std::string_view resource, std::string_view sub, std::string_view ns,
                         std::string_view what) -> Done {
    Attributes attributes{"impersonate",
                          true,
                          std::string(group),
                          "v1",
                          std::string(resource),
                          std::string(sub),
                          std::string(ns),
                          std::string(what),
                          {},
                          {}};
    const Decision decision = p_.authorizer.authorize(call.user, attributes);
    if (decision.allowed) return {};
    const Qualified qualified{attributes.resource, attributes.group};
    return failure(refuse::forbidden(qualified, what, refusalText(call.user, attributes, decision.reason)));
  };
  const bool of_account = name.starts_with(kServiceAccountPrefix);
  const auto [ns, account] =
      splitOnce(std::string_view(name).substr(of_account ? kServiceAccountPrefix.size() : 0), ':');
  // What only begins like the name of an account is a user as any other.
  if (of_account && !ns.empty() && !account.empty() && account.find(':') == std::string_view::npos) {
    TRY_STATUS(check("", "serviceaccounts", "", ns, account));
    if (wanted.groups.empty()) wanted.groups = serviceAccountGroups(ns);
  } else {
    TRY_STATUS(check("", "users", "", "", name));
    // A node is in its group without being asked, for who may name that group too.
    const bool plain_node = name.starts_with(kNodeUserPrefix) && wanted.groups.empty() && wanted.extra.empty();
    if (plain_node && check("", "groups", "", "", kNodesGroup)) wanted.groups.emplace_back(kNodesGroup);
  }
  for (const std::string_view group : headers.all("Impersonate-Group")) TRY_STATUS(check("", "groups", "", "", group));
  if (!wanted.uid.empty()) TRY_STATUS(check("authentication.k8s.io", "uids", "", "", wanted.uid));
  for (const auto& [key, values] : wanted.extra) {
    for (const std::string& value : values) TRY_STATUS(check("authentication.k8s.io", "userextras", key, "", value));
  }
  const bool anonymous = name == kAnonymous;
  const std::string_view everyone = anonymous ? kUnauthenticated : kAuthenticated;
  if (!wanted.in(kAuthenticated) && !wanted.in(kUnauthenticated)) wanted.groups.emplace_back(everyone);
  call.user = std::move(wanted);
  return {};
}

Done Api::authorize(const Call& call) {
  Attributes what = attributesOf(call.info);
  what.field_selector = call.query.get("fieldSelector");
  const Decision decision = p_.authorizer.authorize(call.user, what);
  if (decision.allowed) return {};
  const Qualified resource{what.resource, what.group};
  return failure(refuse::forbidden(resource, what.name, refusalText(call.user, what, decision.reason)));
}

Task<Answer<Reply>> Api::route(Call& call) {
  if (std::optional<Answer<Reply>> found = discover(call, p_.registry.kinds(), server_address_))
    co_return std::move(*found);
  if (call.info.is_resource) co_return co_await routeResource(call);
  if (call.info.path == "/") co_return Reply::json(json::object{{"paths", pathList()}});
  co_return failure(refuse::noSuchPath());
}

json::array Api::pathList() const {
  json::array out{"/api", "/api/v1", "/apis"};
  for (const Kinds::Group& group : p_.registry.kinds().groups()) {
    if (group.name.empty()) continue;
    out.emplace_back("/apis/" + group.name);
    for (const std::string& version : group.versions) out.emplace_back("/apis/" + group.name + "/" + version);
  }
  for (const auto& [path, entry] : paths_) {
    if (!path.ends_with('/')) out.emplace_back(path);
  }
  return out;
}

Task<Answer<Reply>> Api::routeResource(Call& call) {
  call.kind = p_.registry.kinds().find(call.info.group, call.info.version, call.info.resource);
  if (!call.kind) {
    const bool served = call.info.group.empty() || p_.registry.kinds().hasGroup(call.info.group);
    co_return failure(served ? refuse::noSuchResource() : refuse::noSuchPath());
  }
  if (!call.kind->deprecation.empty()) call.warnings.push_back(call.kind->deprecation);
  if (call.kind->table == "core/componentstatuses") {
    call.warnings.emplace_back("v1 ComponentStatus is deprecated in v1.19+");
  }
  if (call.kind->table == "core/endpoints") {
    call.warnings.emplace_back("v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice");
  }
  const bool passed_on = call.info.subresource == "proxy";
  if (call.request.method == "HEAD" && !passed_on) co_return failure(refuse::methodNotAllowed());
  CO_TRY_STATUS(checkShape(call));
  const std::string key =
      call.info.subresource.empty() ? call.kind->table : call.kind->table + "/" + call.info.subresource;
  auto special = resources_.find(key);
  if (special == resources_.end() && call.kind->custom) special = resources_.find("*/" + call.info.subresource);
  if (special != resources_.end()) {
    if (call.info.verb == "create" && !passed_on) CO_TRY_STATUS(negotiateUntabled(call));
    co_return co_await special->second(call);
  }
  // Without a handler of its own a proxy must not fall through to the object itself: a DELETE would delete the Service.
  if (passed_on) {
    co_return failure(StatusError(Error{Code::NotImplemented, "this server does not proxy to " + call.kind->table}));
  }
  CO_TRY_STATUS(negotiate(call));
  co_return co_await p_.handlers.handle(call);
}

Reply Api::refusal(const Call& call, const StatusError& error) const {
  if (error.plain_404) return Reply::text("404 page not found\n", 404);
  Reply reply = Reply::json(error.toStatus(), error.code);
  if (const json::value* seconds = error.details.if_contains("retryAfterSeconds")) {
    reply.headers.set("Retry-After", json::serialize(*seconds));
  }
  (void)call;
  return reply;
}

Task<void> Api::send(Call& call, Reply reply) {
  setContent(call, reply);
  http::Response response;
  response.status = reply.status;
  response.headers = std::move(reply.headers);
  response.headers.set("Audit-Id", p_.random.uuid());
  if (!response.headers.has("Cache-Control")) response.headers.set("Cache-Control", "no-cache, private");
  if (reply.type == kPlainText) response.headers.set("X-Content-Type-Options", "nosniff");
  response.headers.set("Content-Type", reply.type);
  addWarnings(call.warnings, response.headers);
  if (call.request.method != "HEAD") response.body = std::move(reply.body);
  const bool is_line = reply.type == "application/json" && !response.headers.has("Content-Encoding");
  if (is_line && !response.body.empty() && response.body.back() != '\n') response.body += '\n';
  co_await call.exchange.respond(std::move(response));
}

}  // namespace slipway::apiserver
