#include <set>

#include "apiserver/admission/plugins.h"
#include "apiserver/api/object_meta.h"
#include "base/strings.h"

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
    const std::string_view type = json::text(spec, {"type"});
    if (type == "ExternalName") {
      for (const char* field : {"clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"})
        json::removeKey(spec, field);
      return {};
    }
    if (request.old != nullptr) keep(*request.old, spec);
    if (json::text(spec, {"clusterIP"}).empty()) spec["clusterIP"] = freeAddress();
    if (!spec.contains("clusterIPs")) spec["clusterIPs"] = json::array{spec["clusterIP"]};
    // Nobody knows which families the endpoints of a headless service without selector will have.
    const json::object* selector = json::findObject(spec, {"selector"});
    const bool any_family = json::text(spec, {"clusterIP"}) == "None" && (selector == nullptr || selector->empty());
    if (!spec.contains("ipFamilies"))
      spec["ipFamilies"] = any_family ? json::array{"IPv4", "IPv6"} : json::array{"IPv4"};
    if (!spec.contains("ipFamilyPolicy")) spec["ipFamilyPolicy"] = any_family ? "RequireDualStack" : "SingleStack";
    if (type == "NodePort" || type == "LoadBalancer") setNodePorts(spec);
    return {};
  }

 private:
  static void keep(const json::object& old, json::object& spec) {
    for (const std::string_view field : {"clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"}) {
      const json::value* before = json::find(old, {"spec", field});
      if (before != nullptr && !spec.contains(field)) spec[field] = *before;
    }
  }

  void collect(const std::function<void(const json::object&)>& visit) const {
    for (const auto& [key, stored] : store_.table("core/services").objects()) {
      const json::value service = json::parse(stored->bytes);
      visit(service.as_object());
    }
  }

  std::string freeAddress() const {
    std::set<std::string, std::less<>> taken;
    collect([&](const json::object& service) { taken.emplace(json::text(service, {"spec", "clusterIP"})); });
    while (true) {
      // The first 256 stay free for addresses that people choose.
      std::string address = addressAt(256 + static_cast<unsigned>(random_.next() % (kAddresses - 256)));
      if (!taken.contains(address)) return address;
    }
  }

  void setNodePorts(json::object& spec) const {
    json::array* ports = json::findArray(spec, {"ports"});
    if (ports == nullptr) return;
    std::set<int64_t> taken;
    collect([&](const json::object& service) {
      const json::array* theirs = json::findArray(service, {"spec", "ports"});
      for (size_t i = 0; theirs != nullptr && i < theirs->size(); ++i) {
        taken.insert(json::findInt((*theirs)[i].as_object(), {"nodePort"}).value_or(0));
      }
    });
    for (json::value& port : *ports) {
      if (json::findInt(port.as_object(), {"nodePort"}).value_or(0) != 0) continue;
      int64_t chosen = 0;
      do {
        chosen = kFirstNodePort + static_cast<int64_t>(random_.next() % kNodePorts);
      } while (!taken.insert(chosen).second);
      port.as_object()["nodePort"] = chosen;
    }
  }

  Store& store_;
  Random& random_;
};

}  // namespace

std::unique_ptr<Admission> serviceAddresses(Store& store, Random& random) {
  return std::make_unique<ServiceAddresses>(store, random);
}

}  // namespace slipway::apiserver
