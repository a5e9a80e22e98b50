#include "apiserver/bootstrap.h"

#include "apiserver/api/object_meta.h"
#include "apiserver/auth/default_policy.h"
#include "async/task_group.h"

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
  WriteContext context;
  context.user.name = "system:apiserver";
  context.user.groups = {std::string(kMasters)};
  context.options.manager = "kube-apiserver";
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

}  // namespace

Task<Status> bootstrap(Registry& registry) {
  CO_TRY_STATUS(co_await createAll(registry, firstObjects()));
  co_return co_await createAll(registry, defaultPolicy());
}

}  // namespace slipway::apiserver
