#include "pod/probes.h"

#include "base/strings.h"

namespace slipway::pod {
namespace {

Result<int32_t> resolvePort(const kube::Object& action, const kube::Object& container) {
  const kube::json::value* port = action.if_contains("port");
  if (port == nullptr) return failure(Code::Invalid, "port is missing");
  if (port->is_number()) return static_cast<int32_t>(port->to_number<int64_t>());
  const std::string name(port->is_string() ? std::string_view(port->get_string()) : std::string_view());
  for (const auto& item : kube::items(container, {"ports"})) {
    if (kube::text(kube::objectOf(item), {"name"}) == name) {
      return static_cast<int32_t>(kube::integer(kube::objectOf(item), {"containerPort"}));
    }
  }
  if (const auto number = parseInt(name)) return static_cast<int32_t>(*number);
  return failure(Code::Invalid, "the container has no port named \"{}\"", name);
}

Status setHttp(const kube::Object& action, const kube::Object& container, site::v1::HttpAction& out) {
  TRY(const int32_t port, resolvePort(action, container));
  out.set_port(port);
  out.set_host(std::string(kube::text(action, {"host"})));
  out.set_path(std::string(kube::text(action, {"path"})));
  out.set_scheme(std::string(kube::text(action, {"scheme"})));
  for (const auto& item : kube::items(action, {"httpHeaders"})) {
    auto* header = out.add_headers();
    header->set_name(std::string(kube::text(kube::objectOf(item), {"name"})));
    header->set_value(std::string(kube::text(kube::objectOf(item), {"value"})));
  }
  return {};
}

}  // namespace

Result<site::v1::Handler> buildHandler(const kube::Object& handler, const kube::Object& container) {
  site::v1::Handler out;
  if (const auto* action = handler.if_contains("exec")) {
    out.mutable_exec();
    for (const auto& word : kube::items(kube::objectOf(*action), {"command"})) {
      out.mutable_exec()->add_command(std::string(kube::textOf(word)));
    }
  } else if (const auto* action = handler.if_contains("httpGet")) {
    TRY_STATUS(setHttp(kube::objectOf(*action), container, *out.mutable_http()));
  } else if (const auto* action = handler.if_contains("tcpSocket")) {
    TRY(const int32_t port, resolvePort(kube::objectOf(*action), container));
    out.mutable_tcp()->set_port(port);
    out.mutable_tcp()->set_host(std::string(kube::text(kube::objectOf(*action), {"host"})));
  } else if (const auto* action = handler.if_contains("grpc")) {
    out.mutable_grpc()->set_port(static_cast<int32_t>(kube::integer(kube::objectOf(*action), {"port"})));
    out.mutable_grpc()->set_service(std::string(kube::text(kube::objectOf(*action), {"service"})));
  } else if (const auto* action = handler.if_contains("sleep")) {
    out.set_sleep_seconds(kube::integer(kube::objectOf(*action), {"seconds"}));
  } else {
    return failure(Code::Invalid, "a handler without an action");
  }
  return out;
}

Result<site::v1::Probe> buildProbe(const kube::Object& probe, const kube::Object& container) {
  const auto number = [&](std::string_view name, int64_t otherwise) {
    const int64_t value = kube::integer(probe, {name});
    return static_cast<int32_t>(value > 0 ? value : otherwise);
  };
  site::v1::Probe out;
  TRY(*out.mutable_handler(), buildHandler(probe, container));
  out.set_initial_delay_seconds(number("initialDelaySeconds", 0));
  out.set_timeout_seconds(number("timeoutSeconds", 1));
  out.set_period_seconds(number("periodSeconds", 10));
  out.set_success_threshold(number("successThreshold", 1));
  out.set_failure_threshold(number("failureThreshold", 3));
  out.set_termination_grace_seconds(kube::integer(probe, {"terminationGracePeriodSeconds"}, -1));
  return out;
}

}  // namespace slipway::pod
