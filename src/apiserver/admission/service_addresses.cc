#include <set>

#include "apiserver/admission/plugins.h"
#include "apiserver/admission/taken_addresses.h"
#include "apiserver/api/object_meta.h"
#include "base/strings.h"
#include "json/compare.h"
#include "json/document.h"
#include "schema/formats.h"

namespace slipway::apiserver {
namespace {

constexpr unsigned kAddresses = 65534;      ///< of 10.96.0.0/16
constexpr unsigned kChosenAddresses = 256;  ///< the first ones stay free for addresses that people choose
constexpr int64_t kFirstNodePort = 30000;
constexpr int64_t kNodePorts = 2768;

std::string addressAt(unsigned index) {
  return fmt::format("10.96.{}.{}", index / 256, index % 256);
}

/// Gives a Service what kube-apiserver's allocators give it: cluster IPs of 10.96.0.0/16, IP families and node ports.
/// What is taken stands in the services themselves, so nothing can be lost or leak.
class ServiceAddresses final : public PlainAdmission {
 public:
  ServiceAddresses(Store& store, Random& random) : taken_(store), random_(random) {}

 protected:
  Done change(AdmissionRequest& request) override {
    if (request.kind->table != "core/services" || request.operation == "DELETE" || !request.subresource.empty())
      return {};
    json::object& spec = json::ensureObject(*request.object, "spec");
    const std::string type(json::text(spec, {"type"}));
    if (request.old != nullptr) dropUnused(*request.old, spec);
    if (type == "ExternalName") {
      for (const char* field : {"clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy", "internalTrafficPolicy"})
        json::removeKey(spec, field);
      return {};
    }
    if (request.old != nullptr) keep(*request.old, spec);
    taken_.follow();
    if (json::text(spec, {"clusterIP"}).empty()) {
      if (taken_.addresses() >= kAddresses - kChosenAddresses)
        return failure(refuse::internal("failed to allocate a serviceIP: range is full"));
      spec["clusterIP"] = freeAddress(request);
    }
    TRY_STATUS(checkAddress(request, spec));
    if (!spec.contains("clusterIPs")) spec["clusterIPs"] = json::array{spec["clusterIP"]};
    // Nobody knows which families the endpoints of a headless service without selector will have.
    const json::object* selector = json::findObject(spec, {"selector"});
    const bool any_family = json::text(spec, {"clusterIP"}) == "None" && (selector == nullptr || selector->empty());
    if (!spec.contains("ipFamilies"))
      spec["ipFamilies"] = any_family ? json::array{"IPv4", "IPv6"} : json::array{"IPv4"};
    if (!spec.contains("ipFamilyPolicy")) spec["ipFamilyPolicy"] = any_family ? "RequireDualStack" : "SingleStack";
    if (type == "NodePort" || type == "LoadBalancer") return setNodePorts(request, spec);
    return {};
  }

 private:
  static bool usesPorts(std::string_view type) { return type == "NodePort" || type == "LoadBalancer"; }
  static int64_t nodePort(const json::object& port) { return json::findInt(port, {"nodePort"}).value_or(0); }

  /// What was allocated stays where the client leaves it out.
  static void keep(const json::object& old, json::object& spec) {
    for (const std::string_view field : {"clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"}) {
      const json::value* before = json::find(old, {"spec", field});
      const json::value* now = spec.if_contains(field);
      if (before != nullptr && (now == nullptr || json::isEmpty(*now))) spec[field] = *before;
    }
    json::array* ports = json::findArray(spec, {"ports"});
    const json::array* old_ports = json::findArray(old, {"spec", "ports"});
    if (!usesPorts(json::text(spec, {"type"})) || !usesPorts(json::text(old, {"spec", "type"}))) return;
    if (ports == nullptr || old_ports == nullptr) return;
    for (json::value& value : *ports) {
      json::object& port = value.as_object();
      for (const json::value& one : *old_ports) {
        const json::object& before = one.as_object();
        const bool same =
            before.at("port") == port["port"] && json::text(before, {"protocol"}) == json::text(port, {"protocol"});
        if (same && nodePort(port) == 0 && nodePort(before) != 0) port["nodePort"] = nodePort(before);
      }
    }
  }

  /// A type that has no use for what another had loses it, unless the client asks for it in the same breath: then the
  /// validation says so.
  static void dropUnused(const json::object& old, json::object& spec) {
    const std::string type(json::text(spec, {"type"})), before(json::text(old, {"spec", "type"}));
    const auto same = [&](std::string_view field) {
      return json::equalIgnoringEmpty(spec.if_contains(field), json::find(old, {"spec", field}));
    };
    const auto drop = [&](std::initializer_list<std::string_view> fields) {
      for (const std::string_view field : fields) {
        if (same(field)) json::removeKey(spec, field);
      }
    };
    if (type == "ExternalName" && before != "ExternalName")
      drop({"clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"});
    if (before == "LoadBalancer" && type != before)
      drop({"allocateLoadBalancerNodePorts", "loadBalancerClass", "healthCheckNodePort"});
    if (!usesPorts(before) || usesPorts(type)) return;
    const json::array* external = json::findArray(spec, {"externalIPs"});
    if (external == nullptr || external->empty()) drop({"externalTrafficPolicy"});
    json::array* ports = json::findArray(spec, {"ports"});
    const json::array* old_ports = json::findArray(old, {"spec", "ports"});
    if (ports == nullptr || old_ports == nullptr) return;
    const bool nothing_new = std::ranges::all_of(*ports, [&](const json::value& one) {
      const int64_t port = nodePort(one.as_object());
      return port == 0 ||
             std::ranges::any_of(*old_ports, [&](const json::value& had) { return nodePort(had.as_object()) == port; });
    });
    if (!nothing_new) return;
    for (json::value& port : *ports) json::removeKey(port.as_object(), "nodePort");
  }

  static Done refuseField(const AdmissionRequest& request, std::string field, std::string message) {
    return failure(refuse::invalid(request.kind->qualifiedKind(), request.name,
                                   {{"FieldValueInvalid", std::move(message), std::move(field)}}));
  }

  /// An address that somebody chose is of our network and free. What is no address at all the validation refuses.
  Done checkAddress(const AdmissionRequest& request, const json::object& spec) const {
    const std::string address(json::text(spec, {"clusterIP"}));
    if (request.old != nullptr && json::text(*request.old, {"spec", "clusterIP"}) == address) return {};
    if (address == "None" || !schema::isIp(address) || schema::isIpv6(address)) return {};
    const bool ours = address.starts_with("10.96.") && address != addressAt(0) && address != addressAt(kAddresses + 1);
    const bool is_taken = taken_.hasAddress(address, request.kind->key(request.ns, request.name));
    if (ours && !is_taken) return {};
    const char* why =
        ours ? "provided IP is already allocated" : "the provided network does not match the current range";
    return refuseField(request, "spec.clusterIPs",
                       fmt::format("Invalid value: [\"{0}\"]: failed to allocate IP {0}: {1}", address, why));
  }

  std::string freeAddress(const AdmissionRequest& request) const {
    const std::string self = request.kind->key(request.ns, request.name);
    while (true) {
      std::string address =
          addressAt(kChosenAddresses + static_cast<unsigned>(random_.next() % (kAddresses - kChosenAddresses)));
      if (!taken_.hasAddress(address, self)) return address;
    }
  }

  Done setNodePorts(const AdmissionRequest& request, json::object& spec) const {
    json::array* ports = json::findArray(spec, {"ports"});
    if (ports == nullptr) return {};
    const std::string self = request.kind->key(request.ns, request.name);
    std::set<int64_t> own;
    for (size_t i = 0; i < ports->size(); ++i) {
      json::object& port = (*ports)[i].as_object();
      int64_t chosen = json::findInt(port, {"nodePort"}).value_or(0);
      const bool given = chosen != 0;
      const std::string field = fmt::format("spec.ports[{}].nodePort", i);
      if (given && (chosen < kFirstNodePort || chosen >= kFirstNodePort + kNodePorts)) {
        return refuseField(request, field,
                           fmt::format("Invalid value: {}: provided port is not in the valid range. The range of "
                                       "valid ports is 30000-32767",
                                       chosen));
      }
      // One number may stand for TCP and for UDP within a service.
      if (given && taken_.hasPort(chosen, self)) {
        return refuseField(request, field,
                           fmt::format("Invalid value: {}: provided port is already allocated", chosen));
      }
      if (!given && taken_.ports() + own.size() >= static_cast<size_t>(kNodePorts))
        return failure(refuse::internal("failed to allocate a nodePort: range is full"));
      while (!given) {
        chosen = kFirstNodePort + static_cast<int64_t>(random_.next() % kNodePorts);
        if (!taken_.hasPort(chosen, self) && own.insert(chosen).second) break;
      }
      port["nodePort"] = chosen;
    }
    return {};
  }

  TakenAddresses taken_;
  Random& random_;
};

}  // namespace

std::unique_ptr<Admission> serviceAddresses(Store& store, Random& random) {
  return std::make_unique<ServiceAddresses>(store, random);
}

}  // namespace slipway::apiserver
