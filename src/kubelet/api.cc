#include "kubelet/api.h"

#include "base/strings.h"
#include "kubelet/answers.h"
#include "kubelet/logs.h"
#include "kubelet/metrics.h"
#include "kubelet/port_forward.h"
#include "kubelet/remote_command.h"

namespace slipway::kubelet {
namespace {

namespace json = boost::json;
constexpr std::string_view kPrometheusText = "text/plain; version=0.0.4; charset=utf-8";

std::vector<std::string> segments(std::string_view path) {
  std::vector<std::string> out;
  for (const std::string_view part : split(path, '/')) {
    if (!part.empty()) out.push_back(percentDecode(part));
  }
  return out;
}

std::string verbOf(std::string_view method) {
  if (method == "POST") return "create";
  if (method == "PUT") return "update";
  if (method == "PATCH") return "patch";
  if (method == "DELETE") return "delete";
  return "get";
}

// pkg/kubelet/server/auth.go: which permission a path needs. The narrow ones (pods, healthz) are newer than proxy.
std::vector<std::string> subresourcesOf(const std::vector<std::string>& path) {
  const std::string_view first = path.empty() ? "" : std::string_view(path.front());
  if (first == "stats") return {"stats"};
  if (first == "metrics") return {"metrics"};
  if (first == "logs") return {"log"};
  if (first == "pods" || first == "runningpods") return {"pods", "proxy"};
  if (first == "healthz") return {"healthz", "proxy"};
  return {"proxy"};
}

bool hasContainer(const kube::Object& pod, std::string_view name) {
  for (const std::string_view field : {"containers", "initContainers", "ephemeralContainers"}) {
    for (const json::value& container : kube::items(pod, {"spec", field})) {
      if (container.is_object() && kube::text(container.get_object(), {"name"}) == name) return true;
    }
  }
  return false;
}

std::string nodeOf(const std::string& node, const http::Request& request) {
  if (!node.empty()) return node;
  for (auto& [name, value] : http::parseQuery(request.query())) {
    if (name == "node") return value;
  }
  return "";
}

}  // namespace

Task<void> Api::handle(std::string node, http::Exchange& exchange) {
  Call call{exchange, nodeOf(node, exchange.request()), segments(exchange.request().path())};
  const Status admitted = co_await admit(call.node, exchange);
  if (!admitted) {
    co_await answerError(exchange, admitted.error());
    co_return;
  }
  co_await route(std::move(call));
}

Task<Status> Api::admit(std::string node, http::Exchange& exchange) {
  const http::Request& request = exchange.request();
  CO_TRY(User user, co_await authenticator_.authenticate(request, exchange.peer()));
  Access access{verbOf(request.method), std::move(node), subresourcesOf(segments(request.path()))};
  const Status allowed = co_await authenticator_.authorize(std::move(user), std::move(access));
  co_return allowed;
}

Task<void> Api::route(Call call) {
  const std::string first = call.path.empty() ? "" : call.path[0];
  const std::string second = call.path.size() < 2 ? "" : call.path[1];
  const size_t parts = call.path.size();
  if ((first == "exec" || first == "attach") && (parts == 4 || parts == 5)) return runCommand(std::move(call));
  if (first == "portForward" && (parts == 3 || parts == 4)) return forwardPorts(std::move(call));
  if (call.exchange.request().method != "GET") {
    return answerError(call.exchange, {Code::MethodNotAllowed, "405: Method Not Allowed"});
  }
  if (first == "healthz" && call.path.size() == 1) return answerText(call.exchange, 200, "ok");
  if (first == "pods" && call.path.size() == 1) return sendPods(std::move(call), false);
  if (first == "runningpods" && call.path.size() == 1) return sendPods(std::move(call), true);
  if (first == "containerLogs" && call.path.size() == 4) return sendLogs(std::move(call));
  if (first == "stats" && (second.empty() || second == "summary")) return sendSummary(std::move(call));
  if (first == "metrics" && second == "resource") return sendResourceMetrics(std::move(call));
  if (first == "metrics" && second.empty()) return sendOwnMetrics(std::move(call));
  return answerError(call.exchange, {Code::NotFound, "404 page not found"});
}

Task<void> Api::sendPods(Call call, bool only_running) {
  json::array items;
  for (kube::Object& pod : backend_.podsOf(call.node)) {
    if (only_running && kube::text(pod, {"status", "phase"}) != "Running") continue;
    kube::ensure(pod, {"metadata"}).erase("managedFields");
    items.emplace_back(std::move(pod));
  }
  const json::object list{
      {"kind", "PodList"}, {"apiVersion", "v1"}, {"metadata", json::object()}, {"items", std::move(items)}};
  co_await answerJson(call.exchange, json::serialize(list));
}

Result<ContainerRef> Api::find(const Call& call, bool with_container) const {
  ContainerRef out{.node = call.node, .ns = call.path[1], .pod = call.path[2]};
  const std::optional<kube::Object> pod = backend_.findPod(out.ns, out.pod);
  const std::string uid = call.path.size() == (with_container ? 5U : 4U) ? call.path[3] : "";
  const std::string node(pod ? kube::text(*pod, {"spec", "nodeName"}) : "");
  const bool other_pod = pod && !uid.empty() && uid != kube::uid(*pod);
  if (!pod || other_pod || (!out.node.empty() && node != out.node)) {
    return failure(Code::NotFound, "pod \"{}\" does not exist on node \"{}\"", out.ns + "/" + out.pod, out.node);
  }
  out.node = node;
  out.uid = kube::uid(*pod);
  if (with_container) {
    out.container = call.path.back();
    if (!hasContainer(*pod, out.container)) {
      return failure(Code::NotFound, "container \"{}\" not found in pod \"{}\"", out.container, out.pod);
    }
  }
  return out;
}

Task<void> Api::sendLogs(Call call) {
  const auto container = find(call, true);
  const auto options = parseLogOptions(call.exchange.request().query());
  if (!container) {
    co_await answerError(call.exchange, container.error());
  } else if (!options) {
    co_await answerError(call.exchange, options.error());
  } else {
    co_await sendLog(call.exchange, backend_, *container, *options);
  }
}

Task<void> Api::runCommand(Call call) {
  const auto container = find(call, true);
  const auto options = parseExecOptions(call.exchange.request().query(), call.path[0] == "attach");
  if (!container) {
    co_await answerError(call.exchange, container.error());
  } else if (!options) {
    co_await answerError(call.exchange, options.error());
  } else {
    co_await serveRemoteCommand(call.exchange, backend_, *container, *options);
  }
}

Task<void> Api::forwardPorts(Call call) {
  const auto pod = find(call, false);
  if (!pod) {
    co_await answerError(call.exchange, pod.error());
  } else {
    co_await servePortForward(call.exchange, backend_, *pod);
  }
}

Task<void> Api::sendSummary(Call call) {
  const auto node = co_await backend_.nodeStats(call.node);
  const auto pods = co_await backend_.podStats(call.node);
  if (!node || !pods) {
    co_await answerError(call.exchange, !node ? node.error() : pods.error());
    co_return;
  }
  co_await answerJson(call.exchange, json::serialize(summaryOf(call.node, *node, *pods, rates_)));
}

Task<void> Api::sendResourceMetrics(Call call) {
  const auto node = co_await backend_.nodeStats(call.node);
  const auto pods = co_await backend_.podStats(call.node);
  const std::optional<NodeStats> node_stats = node ? std::optional(*node) : std::nullopt;
  std::string text = resourceMetrics(node_stats, pods.value_or(std::vector<PodStats>()), !node || !pods);
  co_await answerText(call.exchange, 200, std::move(text), std::string(kPrometheusText));
}

Task<void> Api::sendOwnMetrics(Call call) {
  int64_t running = 0;
  for (const kube::Object& pod : backend_.podsOf(call.node)) {
    if (kube::text(pod, {"status", "phase"}) == "Running") ++running;
  }
  std::string text = fmt::format(
      "# HELP kubelet_node_name [ALPHA] The node's name. The count is always 1.\n# TYPE kubelet_node_name gauge\n"
      "kubelet_node_name{{node=\"{}\"}} 1\n"
      "# HELP kubelet_running_pods [ALPHA] Number of pods that have a running pod sandbox\n"
      "# TYPE kubelet_running_pods gauge\nkubelet_running_pods {}\n",
      call.node, running);
  co_await answerText(call.exchange, 200, std::move(text), std::string(kPrometheusText));
}

}  // namespace slipway::kubelet
