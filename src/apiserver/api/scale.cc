#include "apiserver/api/handlers.h"
#include "apiserver/api/object_meta.h"
#include "apiserver/api/patch_request.h"
#include "apiserver/api/subresources.h"
#include "base/strings.h"

namespace slipway::apiserver {
namespace {

/// Where a kind keeps what a Scale shows.
struct ScalePaths {
  std::string spec_replicas = ".spec.replicas";
  std::string status_replicas = ".status.replicas";
  std::string selector = ".spec.selector";
};

ScalePaths pathsOf(const Kind& kind) {
  ScalePaths paths;
  if (!kind.custom) return paths;
  paths.spec_replicas = json::text(kind.scale_paths, {"specReplicasPath"});
  paths.status_replicas = json::text(kind.scale_paths, {"statusReplicasPath"});
  paths.selector = json::text(kind.scale_paths, {"labelSelectorPath"});
  return paths;
}

const json::value* at(const json::object& object, std::string_view path) {
  const json::object* here = &object;
  const std::vector<std::string_view> parts = split(path.substr(path.starts_with('.') ? 1 : 0), '.');
  for (size_t i = 0; i < parts.size(); ++i) {
    const json::value* next = here->if_contains(parts[i]);
    if (next == nullptr || i + 1 == parts.size()) return next;
    if (!next->is_object()) return nullptr;
    here = &next->get_object();
  }
  return nullptr;
}

void put(json::object& object, std::string_view path, json::value value) {
  json::object* here = &object;
  const std::vector<std::string_view> parts = split(path.substr(path.starts_with('.') ? 1 : 0), '.');
  for (size_t i = 0; i + 1 < parts.size(); ++i) here = &json::ensureObject(*here, parts[i]);
  (*here)[parts.back()] = std::move(value);
}

int64_t number(const json::value* value) {
  return value != nullptr && value->is_number() ? value->to_number<int64_t>() : 0;
}

std::string setText(const json::object& requirement) {
  const std::string_view op = json::text(requirement, {"operator"});
  const std::string_view key = json::text(requirement, {"key"});
  if (op == "Exists") return std::string(key);
  if (op == "DoesNotExist") return fmt::format("!{}", key);
  std::vector<std::string> values;
  if (const json::array* list = json::findArray(requirement, {"values"})) {
    for (const json::value& value : *list) values.emplace_back(value.as_string());
  }
  std::sort(values.begin(), values.end());
  return fmt::format("{} {} ({})", key, op == "In" ? "in" : "notin", join(values, ","));
}

/// A selector in its string form, keys in order.
std::string selectorText(const json::value* selector) {
  if (selector == nullptr) return {};
  if (selector->is_string()) return std::string(selector->get_string());
  if (!selector->is_object()) return {};
  const json::object& object = selector->get_object();
  const bool modern = object.contains("matchLabels") || object.contains("matchExpressions");
  std::vector<std::string> terms;
  const json::object* labels = modern ? json::findObject(object, {"matchLabels"}) : &object;
  if (labels != nullptr) {
    for (const auto& [key, value] : *labels) {
      terms.push_back(fmt::format("{}={}", std::string_view(key), std::string_view(value.as_string())));
    }
  }
  if (const json::array* expressions = modern ? json::findArray(object, {"matchExpressions"}) : nullptr) {
    for (const json::value& entry : *expressions) terms.push_back(setText(entry.as_object()));
  }
  std::sort(terms.begin(), terms.end());
  return join(terms, ",");
}

json::object scaleOf(const Kind& kind, const json::object& object) {
  const ScalePaths paths = pathsOf(kind);
  json::object metadata;
  for (const char* field : {"name", "namespace", "uid", "resourceVersion", "creationTimestamp"}) {
    if (const json::value* value = meta::of(object).if_contains(field)) metadata[field] = *value;
  }
  json::object spec;
  if (const int64_t replicas = number(at(object, paths.spec_replicas)); replicas != 0) spec["replicas"] = replicas;
  json::object status{{"replicas", number(at(object, paths.status_replicas))}};
  if (std::string selector = paths.selector.empty() ? "" : selectorText(at(object, paths.selector));
      !selector.empty()) {
    status["selector"] = std::move(selector);
  }
  return {{"kind", "Scale"},
          {"apiVersion", "autoscaling/v1"},
          {"metadata", std::move(metadata)},
          {"spec", std::move(spec)},
          {"status", std::move(status)}};
}

Answer<json::object> scaled(const Kind& kind, const json::object& live, const json::object& scale,
                            const std::string& name) {
  if (!meta::name(scale).empty() && meta::name(scale) != name) {
    return failure(refuse::badRequest(
        fmt::format("the name of the object ({}) does not match the name on the URL ({})", meta::name(scale), name)));
  }
  const std::string_view version = meta::resourceVersion(scale);
  if (!version.empty() && version != meta::resourceVersion(live))
    return failure(refuse::modified(kind.resource(), name));
  const json::value* replicas = json::find(scale, {"spec", "replicas"});
  if (number(replicas) < 0) {
    return failure(refuse::invalid(
        {"Scale", "autoscaling"}, name,
        {{"FieldValueInvalid", fmt::format("Invalid value: {}: must be greater than or equal to 0", number(replicas)),
          "spec.replicas"}}));
  }
  json::object changed = live;
  put(changed, pathsOf(kind).spec_replicas, number(replicas));
  return changed;
}

/// An applied Scale is an applied object of which nothing but the replicas is said.
Answer<json::object> applied(const Call& call, const json::object& live, const json::object& scale,
                             const WriteContext& context) {
  const Kind& kind = *call.kind;
  json::object config{{"apiVersion", kind.apiVersion()},
                      {"kind", kind.kind},
                      {"metadata", {{"name", call.info.name}, {"namespace", call.info.ns}}}};
  if (const json::value* replicas = json::find(scale, {"spec", "replicas"})) {
    put(config, pathsOf(kind).spec_replicas, *replicas);
  }
  const FieldOwner owner{context.options.manager, kind.apiVersion(), "scale", call.now};
  return kind.rules->apply(&live, config, owner, context.options.force);
}

Task<Answer<Reply>> serveScale(Call* call, Registry* registry) {
  const Kind& kind = *call->kind;
  const std::string& name = call->info.name;
  if (call->info.verb == "get") {
    CO_TRY(const StoredPtr stored, registry->get(kind, call->info.ns, name));
    const json::value object = json::parse(stored->bytes);
    co_return Reply::json(scaleOf(kind, object.as_object()));
  }
  CO_TRY(WriteOptions options, readWriteOptions(*call));
  WriteContext context = writeContext(*call, std::move(options));
  CO_TRY(const Wanted wanted, readWanted(*call, context));
  context.view = std::make_shared<View>();
  const bool applies = wanted.patch && wanted.patch->creates();
  context.view->apply = [&](const json::object& live, const json::object& now) {
    return applies ? applied(*call, live, now, context) : scaled(kind, live, now, name);
  };
  Registry::Change change = [&](const json::object& live) -> Answer<json::object> {
    View& view = *context.view;
    view.old = scaleOf(kind, live);
    view.now = wanted.body;
    if (applies) {
      view.now = view.old;
      const json::value* replicas = json::find(wanted.patch->body(), {"spec", "replicas"});
      view.now["spec"] = replicas == nullptr ? json::object() : json::object{{"replicas", *replicas}};
    } else if (wanted.patch) {
      TRY(json::value patched, wanted.patch->applyRaw(*call, view.old));
      if (!patched.is_object()) return failure(refuse::badRequest("the patched scale is not an object"));
      view.now = std::move(patched.get_object());
    }
    view.now.emplace("kind", "Scale");
    view.now.emplace("apiVersion", "autoscaling/v1");
    return context.view->apply(live, view.now);
  };
  CO_TRY(const Written done, co_await registry->update(call->kind, call->info.ns, name, change, context));
  const json::value object = json::parse(done.stored->bytes);
  co_return Reply::json(scaleOf(kind, object.as_object()));
}

}  // namespace

void addScale(Api& api, Registry& registry) {
  Api::Handler handler = [raw = &registry](Call& call) { return serveScale(&call, raw); };
  for (const char* table :
       {"apps/deployments", "apps/replicasets", "apps/statefulsets", "core/replicationcontrollers"}) {
    api.onSubresource(table, "scale", handler);
  }
  api.onSubresource("*", "scale", handler);
}

}  // namespace slipway::apiserver
