#include "apiserver/streams/connect_options.h"

#include "base/strings.h"
#include "http/message.h"

namespace slipway::apiserver {
namespace {

void addStreamFlags(json::object& options, const Call& call) {
  // By default a command's output is wanted, its input is not.
  for (const std::string_view name : {"stdin", "stdout", "stderr", "tty"}) {
    const std::string_view value = call.query.get(name);
    const bool by_default = name == "stdout" || name == "stderr";
    const bool wanted = call.query.has(name) ? value == "true" || value == "1" : by_default;
    if (wanted) options[name] = true;
  }
  if (const std::string_view container = call.query.get("container"); !container.empty())
    options["container"] = container;
}

json::array valuesOf(const Call& call, std::string_view wanted) {
  json::array out;
  for (const auto& [name, value] : http::parseQuery(call.request.query())) {
    if (name == wanted) out.emplace_back(value);
  }
  return out;
}

}  // namespace

json::object connectOptions(const Call& call) {
  const std::string& subresource = call.info.subresource;
  json::object options{{"kind", ""}, {"apiVersion", "v1"}};
  if (subresource == "exec" || subresource == "attach") {
    options["kind"] = subresource == "exec" ? "PodExecOptions" : "PodAttachOptions";
    addStreamFlags(options, call);
    if (json::array command = valuesOf(call, "command"); !command.empty()) options["command"] = std::move(command);
  } else if (subresource == "portforward") {
    options["kind"] = "PodPortForwardOptions";
    json::array ports;
    for (const json::value& given : valuesOf(call, "ports")) {
      for (const std::string_view port : split(given.as_string(), ',')) {
        if (const auto number = parseInt(port)) ports.emplace_back(*number);
      }
    }
    if (!ports.empty()) options["ports"] = std::move(ports);
  } else {
    options["kind"] = call.kind->kind + "ProxyOptions";
    const std::string_view path = call.info.path;
    const size_t at = path.find("/proxy");
    if (at != std::string_view::npos && at + 6 < path.size()) options["path"] = path.substr(at + 6);
  }
  return options;
}

}  // namespace slipway::apiserver
