#include "apiserver/bootstrap.h"

#include "apiserver/api/object_meta.h"
#include "apiserver/api_service_keeper.h"
#include "apiserver/auth/default_policy.h"
#include "apiserver/flow_defaults.h"
#include "async/task_group.h"
#include "json/document.h"
#include "schema/formats.h"

namespace slipway::apiserver {
namespace {

json::object namedObject(std::string_view api_version, std::string_view kind, std::string_view name) {
  return {{"apiVersion", api_version}, {"kind", kind}, {"metadata", json::object{{"name", name}}}};
}

json::object priorityClass(std::string_view name, int value, std::string_view description) {
  json::object out = namedObject("scheduling.k8s.io/v1", "PriorityClass", name);
  out["value"] = value;
  out["description"] = description;
  out["preemptionPolicy"] = "PreemptLowerPriority";
  return out;
}

std::vector<json::object> firstObjects() {
  std::vector<json::object> objects;
  for (const std::string_view name : {"default", "kube-system", "kube-public", "kube-node-lease"}) {
    objects.push_back(namedObject("v1", "Namespace", name));
  }
  objects.push_back(priorityClass("system-cluster-critical", 2000000000,
                                  "Used for system critical pods that must run in the cluster, but can be moved to "
                                  "another node if necessary."));
  objects.push_back(priorityClass("system-node-critical", 2000001000,
                                  "Used for system critical pods that must not be moved from their current node."));
  return objects;
}

Task<void> createOne(Registry* registry, json::object object, std::optional<StatusError>* failed) {
  const KindPtr kind = registry->kinds().findKind(json::text(object, {"apiVersion"}), json::text(object, {"kind"}));
  const std::string ns(meta::nameSpace(object));
  const std::string name(meta::name(object));
  if (!kind || registry->store().table(kind->table).find(kind->key(ns, name))) co_return;
  WriteContext context = ownContext();
  Answer<Written> written = co_await registry->create(kind, ns, std::move(object), context);
  if (!written && written.error().code != 409) *failed = written.error();
}

Task<Status> createAll(Registry& registry, std::vector<json::object> objects) {
  // Side by side, so that all of them share a few commits.
  std::optional<StatusError> failed;
  async::TaskGroup group(co_await async::thisExecutor());
  for (json::object& object : objects) group.spawn("bootstrap", createOne(&registry, std::move(object), &failed));
  co_await group.join();
  if (failed) co_return failure(Code::InternalError, "first objects: {}", failed->message);
  co_return Status();
}

std::vector<json::object> ownService(uint16_t port) {
  json::object network = namedObject("networking.k8s.io/v1", "ServiceCIDR", "kubernetes");
  network["spec"] = json::object{{"cidrs", json::array{"10.96.0.0/16"}}};
  json::object service = namedObject("v1", "Service", "kubernetes");
  meta::of(service)["namespace"] = "default";
  meta::of(service)["labels"] = json::object{{"component", "apiserver"}, {"provider", "kubernetes"}};
  json::object https{{"name", "https"}, {"protocol", "TCP"}, {"port", 443}, {"targetPort", int64_t{port}}};
  service["spec"] = json::object{
      {"clusterIP", "10.96.0.1"}, {"clusterIPs", json::array{"10.96.0.1"}}, {"ports", json::array{std::move(https)}}};
  return {std::move(network), std::move(service)};
}

Task<Status> write(Registry& registry, json::object wanted, std::string field, std::string subresource = "") {
  const KindPtr kind = registry.kinds().findKind(json::text(wanted, {"apiVersion"}), json::text(wanted, {"kind"}));
  Registry::Change change = [&](const json::object& live) -> Answer<json::object> {
    json::object out = live;
    out[field] = wanted[field];
    return out;
  };
  WriteContext context = ownContext(std::move(subresource));
  const std::string ns(meta::nameSpace(wanted)), name(meta::name(wanted));
  std::function<Answer<json::object>()> fresh = [&]() -> Answer<json::object> { return wanted; };
  if (!context.subresource.empty()) fresh = nullptr;
  Answer<Written> written = co_await registry.update(kind, ns, name, std::move(change), context, std::move(fresh));
  if (!written) co_return failure(Code::InternalError, "{} {}: {}", kind->kind, name, written.error().message);
  co_return Status();
}

/// Where servers that leave authentication to this one find whom it believes.
json::object authenticationMap(std::string client_ca) {
  json::object map = namedObject("v1", "ConfigMap", "extension-apiserver-authentication");
  meta::of(map)["namespace"] = "kube-system";
  map["data"] = json::object{{"client-ca-file", std::move(client_ca)}};
  return map;
}

/// Says where the Service "kubernetes" leads. Kubernetes allows no loopback address there: then it leads nowhere.
Task<Status> publishAddress(Registry& registry, std::string address, uint16_t port) {
  json::object network = namedObject("networking.k8s.io/v1", "ServiceCIDR", "kubernetes");
  json::object ready{{"type", "Ready"},
                     {"status", "True"},
                     {"lastTransitionTime", formatTime(registry.clock().now())},
                     {"reason", ""},
                     {"message", "Kubernetes default Service CIDR is ready"}};
  network["status"] = json::object{{"conditions", json::array{std::move(ready)}}};
  CO_TRY_STATUS(co_await write(registry, std::move(network), "status", "status"));
  if (!schema::isIp(address) || address.starts_with("127.") || address == "0.0.0.0" || address.find(':') == 0)
    co_return Status();
  const json::object own_port{{"name", "https"}, {"port", int64_t{port}}, {"protocol", "TCP"}};
  json::object endpoints = namedObject("v1", "Endpoints", "kubernetes");
  meta::of(endpoints)["namespace"] = "default";
  meta::of(endpoints)["labels"] = json::object{{"endpointslice.kubernetes.io/skip-mirror", "true"}};
  endpoints["subsets"] = json::array{
      json::object{{"addresses", json::array{json::object{{"ip", address}}}}, {"ports", json::array{own_port}}}};
  CO_TRY_STATUS(co_await write(registry, std::move(endpoints), "subsets"));
  json::object slice = namedObject("discovery.k8s.io/v1", "EndpointSlice", "kubernetes");
  meta::of(slice)["namespace"] = "default";
  meta::of(slice)["labels"] = json::object{{"kubernetes.io/service-name", "kubernetes"}};
  slice["addressType"] = schema::isIpv6(address) ? "IPv6" : "IPv4";
  slice["endpoints"] =
      json::array{json::object{{"addresses", json::array{address}}, {"conditions", json::object{{"ready", true}}}}};
  slice["ports"] = json::array{own_port};
  CO_TRY_STATUS(co_await write(registry, slice, "endpoints"));
  co_return co_await write(registry, std::move(slice), "ports");
}

}  // namespace

Task<Status> ensureOwnService(Registry& registry, uint16_t port) {
  co_return co_await createAll(registry, ownService(port));
}

Task<Status> bootstrap(Registry& registry, std::string address, uint16_t port, std::string client_ca) {
  CO_TRY_STATUS(co_await createAll(registry, builtinApiServices(registry.kinds())));
  CO_TRY_STATUS(co_await createAll(registry, flowDefaults()));
  CO_TRY_STATUS(co_await createAll(registry, firstObjects()));
  CO_TRY_STATUS(co_await write(registry, authenticationMap(std::move(client_ca)), "data"));
  CO_TRY_STATUS(co_await createAll(registry, ownService(port)));
  CO_TRY_STATUS(co_await publishAddress(registry, std::move(address), port));
  co_return co_await createAll(registry, defaultPolicy());
}

}  // namespace slipway::apiserver
