#include "apiserver/streams/pod_streams.h"

#include "apiserver/api/service_target.h"
#include "apiserver/api/subresources.h"
#include "apiserver/streams/connect_options.h"
#include "apiserver/streams/relay.h"
#include "base/strings.h"
#include "http/websocket.h"
#include "json/document.h"

namespace slipway::apiserver {
namespace {

/// A pod that has a node, and the container that the call is about.
struct Target {
  std::string node;
  std::string pod;
  std::string container;
};

std::vector<std::string> containerNames(const json::object& pod) {
  std::vector<std::string> names;
  for (const std::string_view list : {"initContainers", "containers", "ephemeralContainers"}) {
    const json::array* containers = json::findArray(pod, {"spec", list});
    if (containers == nullptr) continue;
    for (const json::value& container : *containers) names.emplace_back(json::text(container.as_object(), {"name"}));
  }
  return names;
}

Answer<std::string> chooseContainer(const Call& call, const json::object& pod) {
  const std::string wanted(call.query.get("container"));
  const std::vector<std::string> all = containerNames(pod);
  if (!wanted.empty()) {
    if (std::find(all.begin(), all.end(), wanted) != all.end()) return wanted;
    return failure(refuse::badRequest(fmt::format("container {} is not valid for pod {}", wanted, call.info.name)));
  }
  const json::array* containers = json::findArray(pod, {"spec", "containers"});
  if (containers != nullptr && containers->size() == 1) {
    return std::string(json::text(containers->front().as_object(), {"name"}));
  }
  std::vector<std::string> plain;
  if (containers != nullptr) {
    for (const json::value& container : *containers) plain.emplace_back(json::text(container.as_object(), {"name"}));
  }
  return failure(refuse::badRequest(fmt::format("a container name must be specified for pod {}, choose one of: [{}]",
                                                call.info.name, join(plain, " "))));
}

Answer<Target> findTarget(const Call& call, Registry& registry, bool needs_container) {
  TRY(const StoredPtr stored, registry.get(*call.kind, call.info.ns, call.info.name));
  const json::value document = json::parse(stored->bytes);
  const json::object& pod = document.as_object();
  Target target;
  target.pod = call.info.name;
  if (needs_container) {
    TRY(target.container, chooseContainer(call, pod));
  }
  target.node = json::text(pod, {"spec", "nodeName"});
  return target;
}

/// The query for the kubelet, with the names that it gives some parameters.
std::string kubeletQuery(const http::Request& request, bool streams) {
  std::vector<std::string> out;
  for (const auto& [name, value] : http::parseQuery(request.query())) {
    if (name == "container") continue;
    std::string_view their_name = name;
    std::string_view their_value = value;
    if (streams && (name == "stdin" || name == "stdout" || name == "stderr" || name == "tty")) {
      if (value != "true" && value != "1") continue;
      their_name = name == "stdin" ? "input" : name == "stdout" ? "output" : name == "stderr" ? "error" : "tty";
      their_value = "1";
    }
    out.push_back(fmt::format("{}={}", percentEncode(their_name), percentEncode(their_value)));
  }
  return out.empty() ? "" : "?" + join(out, "&");
}

Task<Answer<Reply>> toKubelet(Call* call, NodeDialer* dialer, std::string node, std::string target,
                              bool checked = false) {
  const Executor executor = co_await async::thisExecutor();
  CO_TRY(std::unique_ptr<http::Client> client, dialer->kubeletOf(executor, node));
  co_return co_await relay(call, std::move(client), std::move(target), "of node " + node, std::nullopt, checked);
}

/// What the webhooks make of the options does not change them: they come by the query, and go on as they came.
Task<Done> admitConnect(Call* call, Registry* registry) {
  json::object options = connectOptions(*call);
  co_return co_await admitBody(call, registry, "CONNECT", &options, false);
}

Task<Answer<Reply>> log(Call* call, Registry* registry, NodeDialer* dialer) {
  CO_TRY(const Target target, findTarget(*call, *registry, true));
  // A pod without a node has not said anything yet.
  if (target.node.empty()) co_return Reply::text("");
  std::string path = fmt::format("/containerLogs/{}/{}/{}{}", call->info.ns, target.pod, target.container,
                                 kubeletQuery(call->request, false));
  if (!http::isWebSocketRequest(call->request))
    co_return co_await toKubelet(call, dialer, target.node, std::move(path), true);
  const Executor executor = co_await async::thisExecutor();
  CO_TRY(std::unique_ptr<http::Client> client, dialer->kubeletOf(executor, target.node));
  co_return co_await relayToWebSocket(call, std::move(client), std::move(path), "of node " + target.node);
}

Task<Answer<Reply>> stream(Call* call, Registry* registry, NodeDialer* dialer) {
  const bool forward = call->info.subresource == "portforward";
  CO_TRY_STATUS(co_await admitConnect(call, registry));
  CO_TRY(const Target target, findTarget(*call, *registry, !forward));
  if (target.node.empty()) {
    co_return failure(refuse::badRequest(fmt::format("pod {} does not have a host assigned", target.pod)));
  }
  if (!call->request.headers.hasToken("Connection", "upgrade")) {
    co_return failure(refuse::badRequest("Upgrade request required"));
  }
  std::string path =
      forward ? fmt::format("/portForward/{}/{}", call->info.ns, target.pod)
              : fmt::format("/{}/{}/{}/{}", call->info.subresource, call->info.ns, target.pod, target.container);
  path += kubeletQuery(call->request, !forward);
  co_return co_await toKubelet(call, dialer, target.node, std::move(path));
}

/// "name", "name:port" or "scheme:name:port".
struct ProxyName {
  std::string name;
  std::string port;
  bool https = false;
};

ProxyName readProxyName(const std::string& text) {
  const std::vector<std::string_view> parts = split(text, ':');
  if (parts.size() == 3) return {std::string(parts[1]), std::string(parts[2]), parts[0] == "https"};
  if (parts.size() == 2) return {std::string(parts[0]), std::string(parts[1])};
  return {text, ""};
}

/// The path up to and with ".../proxy", and what follows it, with its query, as it came. Names may be "proxy" too.
std::pair<std::string_view, std::string_view> splitAtProxy(const Call& call) {
  const std::string_view target = call.request.target;
  size_t end = 0;
  // api/v1/nodes/NAME/proxy, api/v1/namespaces/NS/pods/NAME/proxy
  for (int left = call.info.ns.empty() ? 5 : 7; left > 0; --left) {
    end = std::min(target.find_first_not_of('/', end), target.size());
    end = std::min(target.find_first_of("/?", end), target.size());
  }
  return {target.substr(0, end), target.substr(end)};
}

/// Passes the call on; `host` is how the program there knows itself.
Task<Answer<Reply>> proxyTo(Call* call, std::unique_ptr<http::Client> client, std::string host, std::string where) {
  const auto [prefix, rest] = splitAtProxy(*call);
  const std::string& method = call->request.method;
  if (rest.starts_with('/')) {
    ProxyLinks links(std::string(prefix), std::move(host));
    co_return co_await relay(call, std::move(client), std::string(rest), std::move(where), std::move(links));
  }
  if (method != "GET" && method != "HEAD")
    co_return co_await relay(call, std::move(client), "/" + std::string(rest), std::move(where));
  // The page's relative links would miss the proxy without the slash.
  Reply reply = Reply::text("", 301);
  reply.headers.set("Location", fmt::format("{}/{}", prefix, rest));
  co_return reply;
}

Task<Answer<Reply>> proxyNode(Call* call, Registry* registry, NodeDialer* dialer) {
  CO_TRY_STATUS(co_await admitConnect(call, registry));
  const ProxyName name = readProxyName(call->info.name);
  const Executor executor = co_await async::thisExecutor();
  CO_TRY(std::unique_ptr<http::Client> client, dialer->kubeletOf(executor, name.name));
  co_return co_await proxyTo(call, std::move(client), "", "of node " + name.name);
}

Task<Answer<Reply>> proxyPod(Call* call, Registry* registry, NodeDialer* dialer) {
  CO_TRY_STATUS(co_await admitConnect(call, registry));
  const ProxyName name = readProxyName(call->info.name);
  CO_TRY(const StoredPtr stored, registry->get(*call->kind, call->info.ns, name.name));
  const json::value pod = json::parse(stored->bytes);
  const std::string ip(json::text(pod.as_object(), {"status", "podIP"}));
  if (ip.empty()) co_return failure(refuse::badRequest("address not allowed"));
  int64_t port = parseInt(name.port).value_or(0);
  const json::array* containers = json::findArray(pod.as_object(), {"spec", "containers"});
  for (size_t i = 0; port == 0 && containers != nullptr && i < containers->size(); ++i) {
    const json::array* ports = json::findArray((*containers)[i].as_object(), {"ports"});
    if (ports != nullptr && !ports->empty())
      port = json::findInt(ports->front().as_object(), {"containerPort"}).value_or(0);
  }
  if (port == 0) port = 80;
  const Executor executor = co_await async::thisExecutor();
  auto client = dialer->hostClient(executor, ip, static_cast<uint16_t>(port), name.https);
  co_return co_await proxyTo(call, std::move(client), fmt::format("{}:{}", ip, port), "of pod " + name.name);
}

Task<Answer<Reply>> proxyService(Call* call, Registry* registry, NodeDialer* dialer) {
  CO_TRY_STATUS(co_await admitConnect(call, registry));
  const ProxyName name = readProxyName(call->info.name);
  CO_TRY(const StoredPtr stored, registry->get(*call->kind, call->info.ns, name.name));
  const json::value service = json::parse(stored->bytes);
  CO_TRY(const ServiceTarget target, findServiceTarget(*registry, service.as_object(), name.port));
  const Executor executor = co_await async::thisExecutor();
  auto client = dialer->hostClient(executor, target.address, target.port, name.https);
  std::string host = fmt::format("{}:{}", target.address, target.port);
  co_return co_await proxyTo(call, std::move(client), std::move(host), "of service " + name.name);
}

}  // namespace

void addPodStreams(Api& api, Registry& registry, NodeDialer& dialer) {
  Registry* raw = &registry;
  NodeDialer* to = &dialer;
  api.onSubresource("core/pods", "log", [raw, to](Call& call) { return log(&call, raw, to); });
  for (const char* name : {"exec", "attach", "portforward"}) {
    api.onSubresource("core/pods", name, [raw, to](Call& call) { return stream(&call, raw, to); });
  }
  api.onSubresource("core/pods", "proxy", [raw, to](Call& call) { return proxyPod(&call, raw, to); });
  api.onSubresource("core/services", "proxy", [raw, to](Call& call) { return proxyService(&call, raw, to); });
  api.onSubresource("core/nodes", "proxy", [raw, to](Call& call) { return proxyNode(&call, raw, to); });
}

}  // namespace slipway::apiserver
