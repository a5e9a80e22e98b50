#include "apiserver/api/builtin_kinds.h"

#include "apiserver/api/builtin_rules.h"

namespace slipway::apiserver {
namespace {

struct SharedStorage {
  std::string_view group;
  std::string_view version;
  std::string_view plural;
  std::string_view table;
  std::string_view stored_as;
};
// One object, several API versions: the version that is stored, as in upstream's storage version table.
constexpr SharedStorage kShared[] = {
    {"", "v1", "events", "core/events", "v1"},
    {"events.k8s.io", "v1", "events", "core/events", "v1"},
    {"autoscaling", "v1", "horizontalpodautoscalers", "autoscaling/horizontalpodautoscalers", "autoscaling/v2"},
    {"autoscaling", "v2", "horizontalpodautoscalers", "autoscaling/horizontalpodautoscalers", "autoscaling/v2"},
};

void setStorage(Kind& kind) {
  kind.table = (kind.group.empty() ? "core" : kind.group) + "/" + kind.plural;
  kind.storage_version = kind.apiVersion();
  for (const SharedStorage& row : kShared) {
    if (row.group != kind.group || row.version != kind.version || row.plural != kind.plural) continue;
    kind.table = row.table;
    kind.storage_version = row.stored_as;
  }
}

Subresource subresourceOf(const schema::Subresource& from) {
  Subresource sub;
  sub.name = from.name;
  sub.kind = from.kind;
  const size_t slash = from.api_version.find('/');
  sub.group = slash == std::string_view::npos ? "" : std::string(from.api_version.substr(0, slash));
  sub.version = slash == std::string_view::npos ? from.api_version : from.api_version.substr(slash + 1);
  sub.verbs.insert(from.verbs.begin(), from.verbs.end());
  return sub;
}

}  // namespace

void addBuiltinKinds(Kinds& kinds, const schema::Schema& schema) {
  const auto defaults = std::make_shared<const schema::Defaults>(schema);
  for (const schema::GroupVersion& group : schema.groups()) {
    for (const schema::ResourceInfo& from : group.resources) {
      auto kind = std::make_shared<Kind>();
      kind->group = from.group;
      kind->version = from.version;
      kind->plural = from.plural;
      kind->singular = from.singular;
      kind->kind = from.kind;
      kind->namespaced = from.namespaced;
      kind->verbs.insert(from.verbs.begin(), from.verbs.end());
      kind->short_names.assign(from.short_names.begin(), from.short_names.end());
      kind->categories.assign(from.categories.begin(), from.categories.end());
      kind->storage_hash = from.storage_hash;
      for (const schema::Subresource& sub : from.subresources) kind->subresources.push_back(subresourceOf(sub));
      kind->selectable = selectableFields(from.group, from.plural);
      kind->selectable.insert("metadata.name");
      if (kind->namespaced) kind->selectable.insert("metadata.namespace");
      setStorage(*kind);
      kind->rules = builtinRules(from, defaults);
      kinds.add(std::move(kind));
    }
  }
}

}  // namespace slipway::apiserver
