#include "controllers/shared_informers.h"

#include "controllers/keyed_loop.h"

namespace slipway::controllers {
namespace {

using kube::Object;

void keepOnly(Object& object, std::initializer_list<std::string_view> names) {
  Object kept;
  for (const std::string_view name : names) {
    if (auto* value = object.if_contains(name)) kept[name] = std::move(*value);
  }
  object = std::move(kept);
}

Object* part(Object& object, std::string_view name) {
  auto* value = object.if_contains(name);
  return value == nullptr ? nullptr : value->if_object();
}

void trimContainers(Object& spec, std::string_view list) {
  auto* containers = spec.if_contains(list);
  if (containers == nullptr || !containers->is_array()) return;
  for (auto& container : containers->get_array()) {
    if (container.is_object()) keepOnly(container.get_object(), {"name", "resources", "restartPolicy"});
  }
}

void trimPod(Object& pod) {
  if (Object* metadata = part(pod, "metadata")) metadata->erase("annotations");
  if (Object* spec = part(pod, "spec")) {
    keepOnly(*spec, {"nodeName", "schedulerName", "schedulingGates", "nodeSelector", "affinity", "tolerations",
                     "overhead", "priority", "priorityClassName", "restartPolicy", "activeDeadlineSeconds",
                     "containers", "initContainers"});
    trimContainers(*spec, "containers");
    trimContainers(*spec, "initContainers");
  }
  if (Object* status = part(pod, "status")) keepOnly(*status, {"phase", "reason", "conditions"});
}

void trimNode(Object& node) {
  if (Object* status = part(node, "status")) keepOnly(*status, {"allocatable", "capacity", "conditions", "addresses"});
}

}  // namespace

bool trimShared(const kube::Resource& resource, Object& object) {
  if (resource == kube::kPods) trimPod(object);
  if (resource == kube::kNodes) trimNode(object);
  return true;
}

kube::Informer& SharedInformers::of(const kube::Resource& resource) {
  std::unique_ptr<kube::Informer>& informer = informers_[resource];
  if (!informer) {
    kube::InformerOptions options;
    options.transform = [resource](Object& object) { return trimShared(resource, object); };
    informer = std::make_unique<kube::Informer>(client_, resource, std::move(options), random_);
  }
  return *informer;
}

Task<void> SharedInformers::run() {
  const Executor executor = co_await async::thisExecutor();
  NamedTasks tasks;
  for (const auto& [resource, informer] : informers_) tasks.push_back(task(resource.plural, informer->run()));
  co_await runTogether(executor, std::move(tasks));
}

}  // namespace slipway::controllers
