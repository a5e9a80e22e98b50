#include <set>

#include "apiserver/admission/plugins.h"
#include "apiserver/api/object_meta.h"
#include "base/strings.h"
#include "schema/formats.h"

namespace slipway::apiserver {
namespace {

constexpr unsigned kAddresses = 65534;  ///< of 10.96.0.0/16
constexpr int64_t kFirstNodePort = 30000;
constexpr int64_t kNodePorts = 2768;

std::string addressAt(unsigned index) {
  return fmt::format("10.96.{}.{}", index / 256, index % 256);
}

/// Gives a Service what kube-apiserver's allocators give it: cluster IPs of 10.96.0.0/16, IP families and node ports.
/// What is taken is read from the services themselves, so nothing can be lost or leak.
class ServiceAddresses final : public PlainAdmission {
 public:
  ServiceAddresses(Store& store, Random& random) : store_(store), random_(random) {}

 protected:
  Done change(AdmissionRequest& request) override {
    if (request.kind->table != "core/services" || request.operation == "DELETE" || !request.subresource.empty())
      return {};
    json::object& spec = json::ensureObject(*request.object, "spec");
    const std::string type(json::text(spec, {"type"}));
    if (type == "ExternalName") {
      for (const char* field : {"clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"})
        json::removeKey(spec, field);
      return {};
    }
    if (request.old != nullptr) keep(*request.old, spec);
    if (json::text(spec, {"clusterIP"}).empty()) spec["clusterIP"] = freeAddress(request);
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
  static void keep(const json::object& old, json::object& spec) {
    for (const std::string_view field : {"clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"}) {
      const json::value* before = json::find(old, {"spec", field});
      if (before != nullptr && !spec.contains(field)) spec[field] = *before;
    }
  }

  /// Calls for each other service.
  void collect(const AdmissionRequest& request, const std::function<void(const json::object&)>& visit) const {
    const std::string self = request.kind->key(request.ns, request.name);
    for (const auto& [key, stored] : store_.table("core/services").objects()) {
      if (key == self) continue;
      const json::value service = json::parse(stored->bytes);
      visit(service.as_object());
    }
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
    bool is_taken = false;
    collect(request, [&](const json::object& other) {
      is_taken = is_taken || json::text(other, {"spec", "clusterIP"}) == address;
    });
    if (ours && !is_taken) return {};
    const char* why =
        ours ? "provided IP is already allocated" : "the provided network does not match the current range";
    return refuseField(request, "spec.clusterIPs",
                       fmt::format("Invalid value: [\"{0}\"]: failed to allocate IP {0}: {1}", address, why));
  }

  std::string freeAddress(const AdmissionRequest& request) const {
    std::set<std::string, std::less<>> taken;
    collect(request, [&](const json::object& service) { taken.emplace(json::text(service, {"spec", "clusterIP"})); });
    while (true) {
      // The first 256 stay free for addresses that people choose.
      std::string address = addressAt(256 + static_cast<unsigned>(random_.next() % (kAddresses - 256)));
      if (!taken.contains(address)) return address;
    }
  }

  Done setNodePorts(const AdmissionRequest& request, json::object& spec) const {
    json::array* ports = json::findArray(spec, {"ports"});
    if (ports == nullptr) return {};
    std::set<int64_t> taken;
    collect(request, [&](const json::object& service) {
      const json::array* theirs = json::findArray(service, {"spec", "ports"});
      for (size_t i = 0; theirs != nullptr && i < theirs->size(); ++i) {
        taken.insert(json::findInt((*theirs)[i].as_object(), {"nodePort"}).value_or(0));
      }
    });
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
      if (given && taken.contains(chosen)) {
        return refuseField(request, field,
                           fmt::format("Invalid value: {}: provided port is already allocated", chosen));
      }
      while (!given) {
        chosen = kFirstNodePort + static_cast<int64_t>(random_.next() % kNodePorts);
        if (taken.insert(chosen).second) break;
      }
      port["nodePort"] = chosen;
    }
    return {};
  }

  Store& store_;
  Random& random_;
};

}  // namespace

std::unique_ptr<Admission> serviceAddresses(Store& store, Random& random) {
  return std::make_unique<ServiceAddresses>(store, random);
}

}  // namespace slipway::apiserver
