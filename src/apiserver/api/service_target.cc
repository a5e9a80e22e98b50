#include "apiserver/api/service_target.h"

#include "apiserver/api/object_meta.h"
#include "base/strings.h"
#include "json/document.h"

namespace slipway::apiserver {
namespace {

/// The port's name in the endpoints, which is its name in the service.
Answer<std::string> portName(const json::object& service, const std::string& wanted) {
  const json::array* ports = json::findArray(service, {"spec", "ports"});
  for (size_t i = 0; ports != nullptr && i < ports->size(); ++i) {
    const json::object& port = (*ports)[i].as_object();
    std::string name(json::text(port, {"name"}));
    if (wanted.empty() && ports->size() == 1) return name;
    if (wanted == name || parseInt(wanted) == json::findInt(port, {"port"})) return name;
  }
  // A port that the service does not have may still be one of its endpoints'.
  if (!wanted.empty()) return wanted;
  return failure(refuse::serviceUnavailable(
      fmt::format("no service port \"{}\" found for service \"{}\"", wanted, meta::name(service))));
}

std::optional<uint16_t> portOf(const json::array* ports, std::string_view name) {
  for (size_t i = 0; ports != nullptr && i < ports->size(); ++i) {
    const json::object& port = (*ports)[i].as_object();
    if (json::text(port, {"name"}) != name) continue;
    if (const auto number = json::findInt(port, {"port"})) return static_cast<uint16_t>(*number);
  }
  return std::nullopt;
}

void addSlice(const json::object& slice, std::string_view port, std::vector<ServiceTarget>& out) {
  const std::optional<uint16_t> number = portOf(json::findArray(slice, {"ports"}), port);
  const json::array* endpoints = json::findArray(slice, {"endpoints"});
  for (size_t i = 0; number && endpoints != nullptr && i < endpoints->size(); ++i) {
    const json::object& endpoint = (*endpoints)[i].as_object();
    const json::value* ready = json::find(endpoint, {"conditions", "ready"});
    if (ready != nullptr && ready->is_bool() && !ready->get_bool()) continue;
    const json::array* addresses = json::findArray(endpoint, {"addresses"});
    if (addresses == nullptr || addresses->empty()) continue;
    out.push_back({std::string((*addresses)[0].as_string()), *number});
  }
}

void addSubsets(const json::object& endpoints, std::string_view port, std::vector<ServiceTarget>& out) {
  const json::array* subsets = json::findArray(endpoints, {"subsets"});
  for (size_t i = 0; subsets != nullptr && i < subsets->size(); ++i) {
    const json::object& subset = (*subsets)[i].as_object();
    const std::optional<uint16_t> number = portOf(json::findArray(subset, {"ports"}), port);
    const json::array* addresses = json::findArray(subset, {"addresses"});
    for (size_t a = 0; number && addresses != nullptr && a < addresses->size(); ++a)
      out.push_back({std::string(json::text((*addresses)[a].as_object(), {"ip"})), *number});
  }
}

}  // namespace

Answer<ServiceTarget> findServiceTarget(Registry& registry, const json::object& service, const std::string& port) {
  const std::string ns(meta::nameSpace(service)), name(meta::name(service));
  TRY(const std::string port_name, portName(service, port));
  std::vector<ServiceTarget> targets;
  for (const StoredPtr& stored :
       registry.store().table("discovery.k8s.io/endpointslices").list(ns + "/", "", 0).objects) {
    const json::value slice = json::parse(stored->bytes);
    if (json::text(slice.as_object(), {"metadata", "labels", "kubernetes.io/service-name"}) != name) continue;
    addSlice(slice.as_object(), port_name, targets);
  }
  if (targets.empty()) {
    const StoredPtr stored = registry.store().table("core/endpoints").find(fmt::format("{}/{}", ns, name));
    if (stored) addSubsets(json::parse(stored->bytes).as_object(), port_name, targets);
  }
  if (targets.empty())
    return failure(refuse::serviceUnavailable(fmt::format("no endpoints available for service \"{}\"", name)));
  return targets[registry.random().next() % targets.size()];
}

}  // namespace slipway::apiserver
