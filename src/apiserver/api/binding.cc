#include "apiserver/api/object_meta.h"
#include "apiserver/api/subresources.h"

namespace slipway::apiserver {
namespace {

const Qualified kBinding{"pods/binding", ""};

void setScheduled(json::object& pod, const std::string& now) {
  json::value& list = json::ensureObject(pod, "status")["conditions"];
  if (!list.is_array()) list = json::array();
  json::object condition{
      {"type", "PodScheduled"}, {"status", "True"}, {"lastProbeTime", nullptr}, {"lastTransitionTime", now}};
  for (json::value& entry : list.get_array()) {
    if (json::text(entry.as_object(), {"type"}) != "PodScheduled") continue;
    entry = std::move(condition);
    return;
  }
  list.get_array().push_back(std::move(condition));
}

Answer<json::object> bound(const json::object& live, const json::object& binding, const std::string& now) {
  const std::string_view name = meta::name(live);
  const std::string_view node = json::text(binding, {"target", "name"});
  if (!meta::uid(binding).empty() && meta::uid(binding) != meta::uid(live)) {
    return failure(refuse::conflict(kBinding, name,
                                    fmt::format("Precondition failed: UID in precondition: {}, UID in object meta: {}",
                                                meta::uid(binding), meta::uid(live))));
  }
  if (meta::deleting(live)) {
    return failure(
        refuse::conflict(kBinding, name, fmt::format("pod {} is being deleted, cannot be assigned to a host", name)));
  }
  if (const std::string_view already = json::text(live, {"spec", "nodeName"}); !already.empty()) {
    return failure(
        refuse::conflict(kBinding, name, fmt::format("pod {} is already assigned to node \"{}\"", name, already)));
  }
  if (const json::array* gates = json::findArray(live, {"spec", "schedulingGates"});
      gates != nullptr && !gates->empty()) {
    return failure(refuse::conflict(kBinding, name, fmt::format("pod {} has non-empty .spec.schedulingGates", name)));
  }
  json::object pod = live;
  json::ensureObject(pod, "spec")["nodeName"] = node;
  if (const json::object* annotations = json::findObject(binding, {"metadata", "annotations"})) {
    json::object& mine = json::ensureObject(meta::of(pod), "annotations");
    for (const auto& [key, value] : *annotations) mine[key] = value;
  }
  setScheduled(pod, now);
  return pod;
}

Task<Answer<Reply>> bind(Call* call, Registry* registry) {
  CO_TRY(const WriteOptions options, readWriteOptions(*call));
  CO_TRY(json::object binding, readBody(*call));
  std::string name = call->info.subresource.empty() ? std::string(meta::name(binding)) : call->info.name;
  if (!meta::name(binding).empty() && meta::name(binding) != name) {
    co_return failure(refuse::badRequest("name in URL does not match name in Binding object"));
  }
  const std::string_view target = json::text(binding, {"target", "kind"});
  if (!target.empty() && target != "Node") {
    co_return failure(refuse::plain(
        "target.kind: " + fmt::format("Unsupported value: \"{}\": supported values: \"Node\", \"<empty>\"", target)));
  }
  if (json::text(binding, {"target", "name"}).empty()) {
    co_return failure(refuse::plain("target.name: Required value"));
  }
  if (json::text(binding, {"apiVersion"}).empty()) binding["apiVersion"] = "v1";
  if (json::text(binding, {"kind"}).empty()) binding["kind"] = "Binding";
  CO_TRY_STATUS(co_await admitBody(call, registry, "CREATE", &binding, options.dry_run));
  WriteContext context;
  context.admitted = true;
  context.user = call->user;
  context.options = options;
  context.subresource = "binding";
  const KindPtr pods = registry->kinds().find("", "v1", "pods");
  const std::string now = formatTime(call->now);
  Registry::Change change = [&](const json::object& live) { return bound(live, binding, now); };
  CO_TRY(const Written done, co_await registry->update(pods, call->info.ns, name, change, context));
  (void)done;
  co_return Reply::json(
      json::object{
          {"kind", "Status"}, {"apiVersion", "v1"}, {"metadata", json::object()}, {"status", "Success"}, {"code", 201}},
      201);
}

}  // namespace

void addBinding(Api& api, Registry& registry) {
  Api::Handler handler = [raw = &registry](Call& call) { return bind(&call, raw); };
  api.onSubresource("core/pods", "binding", handler);
  api.onResource("core/bindings", handler);
}

}  // namespace slipway::apiserver
