#include "bridge/host_ports.h"

#include <fmt/format.h>

#include <tuple>

#include "bridge/names.h"
#include "bridge/pod_patches.h"

namespace slipway::bridge {
namespace {

using kube::Object;

struct HostPort {
  int64_t port;
  std::string protocol;
  std::string address;  ///< empty: all

  bool clashes(const HostPort& other) const {
    return port == other.port && protocol == other.protocol &&
           (address.empty() || other.address.empty() || address == other.address);
  }
};

void addPorts(const Object& container, std::vector<HostPort>& ports) {
  for (const auto& item : kube::items(container, {"ports"})) {
    const Object& entry = kube::objectOf(item);
    const int64_t port = kube::integer(entry, {"hostPort"});
    if (port <= 0) continue;
    const std::string_view address = kube::text(entry, {"hostIP"});
    ports.push_back({port, std::string(kube::text(entry, {"protocol"})),
                     address == "0.0.0.0" || address == "::" ? "" : std::string(address)});
  }
}

std::vector<HostPort> hostPorts(const Object& pod) {
  std::vector<HostPort> ports;
  for (const auto& container : kube::items(pod, {"spec", "containers"})) addPorts(kube::objectOf(container), ports);
  for (const auto& item : kube::items(pod, {"spec", "initContainers"})) {
    const Object& container = kube::objectOf(item);
    if (kube::text(container, {"restartPolicy"}) == "Always") addPorts(container, ports);
  }
  return ports;
}

auto rank(const Object& pod, const std::function<bool(std::string_view uid)>& begun) {
  const bool submitted = !kube::annotation(pod, annotation::kJobId).empty() || begun(kube::uid(pod));
  return std::tuple(!submitted, kube::text(pod, {"metadata", "creationTimestamp"}), kube::uid(pod));
}

}  // namespace

std::optional<std::string> portConflict(const Object& pod, const std::vector<kube::ObjectPtr>& beside,
                                        const std::function<bool(std::string_view uid)>& begun) {
  const std::vector<HostPort> wanted = hostPorts(pod);
  if (wanted.empty()) return std::nullopt;
  for (const kube::ObjectPtr& other : beside) {
    if (kube::uid(*other) == kube::uid(pod) || isFinal(*other)) continue;
    if (rank(pod, begun) < rank(*other, begun)) continue;
    const std::vector<HostPort> taken = hostPorts(*other);
    for (const HostPort& port : wanted) {
      if (std::none_of(taken.begin(), taken.end(), [&](const HostPort& each) { return port.clashes(each); })) continue;
      return fmt::format("host port {}/{} of the node is taken by pod {}", port.port, port.protocol, kube::key(*other));
    }
  }
  return std::nullopt;
}

}  // namespace slipway::bridge
