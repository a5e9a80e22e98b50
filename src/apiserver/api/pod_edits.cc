#include "apiserver/api/handlers.h"
#include "apiserver/api/object_meta.h"
#include "apiserver/api/patch_request.h"
#include "apiserver/api/render.h"
#include "apiserver/api/subresources.h"

namespace slipway::apiserver {
namespace {

/// The live pod with nothing but its ephemeral containers taken from the wanted one.
json::object withEphemeralContainers(const json::object& live, const json::object& wanted) {
  json::object pod = live;
  json::object& spec = json::ensureObject(pod, "spec");
  if (const json::array* list = json::findArray(wanted, {"spec", "ephemeralContainers"})) {
    spec["ephemeralContainers"] = *list;
  } else {
    json::removeKey(spec, "ephemeralContainers");
  }
  pod["metadata"] = meta::of(wanted);
  return pod;
}

/// The live pod with nothing but resources and resize policies taken from the wanted one.
json::object withResources(const json::object& live, const json::object& wanted) {
  json::object pod = live;
  for (const std::string_view list : {"containers", "initContainers"}) {
    json::array* mine = json::findArray(pod, {"spec", list});
    const json::array* theirs = json::findArray(wanted, {"spec", list});
    if (mine == nullptr || theirs == nullptr || mine->size() != theirs->size()) continue;
    for (size_t i = 0; i < mine->size(); ++i) {
      for (const std::string_view field : {"resources", "resizePolicy"}) {
        const json::value* value = (*theirs)[i].as_object().if_contains(field);
        if (value != nullptr) (*mine)[i].as_object()[field] = *value;
      }
    }
  }
  pod["metadata"] = meta::of(wanted);
  return pod;
}

using Keep = json::object (*)(const json::object& live, const json::object& wanted);

Task<Answer<Reply>> edit(Call* call, Registry* registry, Keep keep) {
  CO_TRY_STATUS(negotiate(*call));
  if (call->info.verb == "get") {
    CO_TRY(const StoredPtr stored, registry->get(*call->kind, call->info.ns, call->info.name));
    co_return Reply{200, renderOne(*call, *call->kind, *stored)};
  }
  CO_TRY(WriteOptions options, readWriteOptions(*call));
  WriteContext context = writeContext(*call, std::move(options));
  CO_TRY(Wanted wanted, readWanted(*call, context));
  if (!wanted.patch) CO_TRY_STATUS(checkGvk(*call, wanted.body, "v1", "Pod"));
  Registry::Change change = [&](const json::object& live) -> Answer<json::object> {
    if (!wanted.patch) return keep(live, wanted.body);
    TRY(const json::object patched, wanted.patch->applyTo(*call, live, context));
    return keep(live, patched);
  };
  const Answer<Written> done = co_await registry->update(call->kind, call->info.ns, call->info.name, change, context);
  call->annotations.merge(context.annotations);
  if (!done) co_return failure(done.error());
  call->warnings.insert(call->warnings.end(), context.warnings.begin(), context.warnings.end());
  co_return Reply{200, renderOne(*call, *call->kind, *done->stored)};
}

}  // namespace

void addPodEdits(Api& api, Registry& registry) {
  api.onSubresource("core/pods", "ephemeralcontainers",
                    [raw = &registry](Call& call) { return edit(&call, raw, withEphemeralContainers); });
  api.onSubresource("core/pods", "resize", [raw = &registry](Call& call) { return edit(&call, raw, withResources); });
}

}  // namespace slipway::apiserver
