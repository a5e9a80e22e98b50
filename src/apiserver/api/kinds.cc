#include "apiserver/api/kinds.h"

#include "apiserver/api/convert.h"
#include "base/strings.h"
#include "json/document.h"

namespace slipway::apiserver {
namespace {

/// The value at a dotted path as text; numbers and booleans as they are written.
std::string fieldText(const json::object& object, std::string_view path) {
  const json::object* at = &object;
  const std::vector<std::string_view> parts = split(path, '.');
  for (size_t i = 0; i + 1 < parts.size(); ++i) {
    const json::value* next = at->if_contains(parts[i]);
    if (next == nullptr || !next->is_object()) return {};
    at = &next->get_object();
  }
  const json::value* value = at->if_contains(parts.back());
  if (value == nullptr || value->is_null()) return {};
  return value->is_string() ? std::string(value->get_string()) : json::serialize(*value);
}

/// Fields whose selector value is not simply what stands in the object.
std::string selectorText(const json::object& object, std::string_view path) {
  std::string text = fieldText(object, path == "source" ? "source.component" : path);
  if (!text.empty()) return text;
  if (path == "spec.unschedulable" || path == "spec.hostNetwork") return "false";
  if (path == "status.replicas" || path == "status.successful") return "0";
  if (path == "source") return fieldText(object, "reportingComponent");
  return text;
}

struct FieldsOfKind {
  std::string_view group;
  std::string_view plural;
  std::string_view fields;
};
// From the AddFieldLabelConversionFunc calls and GetAttrs functions of the registries.
constexpr FieldsOfKind kFields[] = {
    {"", "pods",
     "spec.nodeName,spec.restartPolicy,spec.schedulerName,spec.serviceAccountName,spec.hostNetwork,status.phase,"
     "status.podIP,status.podIPs,status.nominatedNodeName"},
    {"", "nodes", "spec.unschedulable"},
    {"", "events",
     "involvedObject.kind,involvedObject.namespace,involvedObject.name,involvedObject.uid,involvedObject.apiVersion,"
     "involvedObject.resourceVersion,involvedObject.fieldPath,reason,reportingComponent,source,type"},
    {"events.k8s.io", "events",
     "regarding.kind,regarding.namespace,regarding.name,regarding.uid,regarding.apiVersion,regarding.resourceVersion,"
     "regarding.fieldPath,reason,reportingController,type"},
    {"", "secrets", "type"},
    {"", "namespaces", "status.phase"},
    {"", "services", "spec.clusterIP,spec.type"},
    {"", "replicationcontrollers", "status.replicas"},
    {"apps", "replicasets", "status.replicas"},
    {"batch", "jobs", "status.successful"},
    {"certificates.k8s.io", "certificatesigningrequests", "spec.signerName"},
    {"resource.k8s.io", "resourceslices", "spec.nodeName,spec.driver"},
};

}  // namespace

std::set<std::string, std::less<>> selectableFields(std::string_view group, std::string_view plural) {
  std::set<std::string, std::less<>> fields;
  for (const FieldsOfKind& row : kFields) {
    if (row.group != group || row.plural != plural) continue;
    for (const std::string_view field : split(row.fields, ',')) fields.emplace(field);
  }
  return fields;
}

const Subresource* Kind::subresource(std::string_view name) const {
  for (const Subresource& sub : subresources) {
    if (sub.name == name) return &sub;
  }
  return nullptr;
}

std::string Kind::key(std::string_view ns, std::string_view name) const {
  return namespaced ? fmt::format("{}/{}", ns, name) : std::string(name);
}

const Traits& Kind::traitsOf(const Stored& stored) const {
  if (!isStorageVersion(*this) && !storage_version.empty()) {
    // Another version has other fields: what is kept with the object is the storage version's. Good until the next
    // call.
    static thread_local Traits converted;
    json::value document = json::parse(stored.bytes);
    toServed(*this, document.as_object());
    converted = traitsOf(document.as_object());
    return converted;
  }
  if (!stored.traits) {
    const json::value document = json::parse(stored.bytes);
    stored.traits = traitsOf(document.as_object());
  }
  return *stored.traits;
}

Traits Kind::traitsOf(const json::object& object) const {
  Traits traits;
  if (const json::object* labels = json::findObject(object, {"metadata", "labels"}); labels != nullptr) {
    for (const auto& [key, value] : *labels) {
      if (value.is_string()) traits.addLabel(key, value.get_string());
    }
  }
  traits.addField("metadata.name", json::text(object, {"metadata", "name"}));
  if (namespaced) traits.addField("metadata.namespace", json::text(object, {"metadata", "namespace"}));
  for (const std::string& field : selectable) {
    if (!field.starts_with("metadata.")) traits.addField(field, selectorText(object, field));
  }
  traits.shrink();
  return traits;
}

void Kinds::add(KindPtr kind) {
  ++version_;
  const auto group =
      std::find_if(groups_.begin(), groups_.end(), [&](const Group& g) { return g.name == kind->group; });
  if (group == groups_.end()) {
    groups_.push_back({kind->group, {kind->version}});
  } else if (std::find(group->versions.begin(), group->versions.end(), kind->version) == group->versions.end()) {
    group->versions.push_back(kind->version);
  }
  kinds_[kind->group][kind->version].push_back(std::move(kind));
}

void Kinds::removeCustom(const std::string& group, const std::string& plural) {
  ++version_;
  auto& versions = kinds_[group];
  for (auto it = versions.begin(); it != versions.end();) {
    std::erase_if(it->second, [&](const KindPtr& kind) { return kind->custom && kind->plural == plural; });
    it = it->second.empty() ? versions.erase(it) : std::next(it);
  }
  for (auto it = groups_.begin(); it != groups_.end(); ++it) {
    if (it->name != group) continue;
    std::erase_if(it->versions, [&](const std::string& version) { return !versions.contains(version); });
    if (it->versions.empty()) groups_.erase(it);
    break;
  }
  if (versions.empty()) kinds_.erase(group);
}

std::vector<KindPtr> Kinds::of(std::string_view group, std::string_view version) const {
  const auto versions = kinds_.find(std::string(group));
  if (versions == kinds_.end()) return {};
  const auto found = versions->second.find(std::string(version));
  return found == versions->second.end() ? std::vector<KindPtr>() : found->second;
}

KindPtr Kinds::find(std::string_view group, std::string_view version, std::string_view plural) const {
  const auto versions = kinds_.find(std::string(group));
  if (versions == kinds_.end()) return nullptr;
  const auto found = versions->second.find(std::string(version));
  if (found == versions->second.end()) return nullptr;
  for (const KindPtr& kind : found->second) {
    if (kind->plural == plural) return kind;
  }
  return nullptr;
}

KindPtr Kinds::findKind(std::string_view api_version, std::string_view kind_name) const {
  const size_t slash = api_version.find('/');
  const std::string_view group = slash == std::string_view::npos ? std::string_view() : api_version.substr(0, slash);
  const std::string_view version = slash == std::string_view::npos ? api_version : api_version.substr(slash + 1);
  for (const KindPtr& kind : of(group, version)) {
    if (kind->kind == kind_name) return kind;
  }
  return nullptr;
}

KindPtr Kinds::findResource(std::string_view group, std::string_view plural) const {
  for (const Group& candidate : groups_) {
    if (candidate.name != group) continue;
    for (const std::string& version : candidate.versions) {
      if (KindPtr kind = find(group, version, plural)) return kind;
    }
  }
  return nullptr;
}

bool Kinds::hasGroup(std::string_view group) const {
  return kinds_.contains(std::string(group));
}

bool Kinds::hasVersion(std::string_view group, std::string_view version) const {
  return !of(group, version).empty();
}

std::vector<KindPtr> Kinds::all() const {
  std::vector<KindPtr> out;
  for (const auto& [group, versions] : kinds_) {
    for (const auto& [version, kinds] : versions) out.insert(out.end(), kinds.begin(), kinds.end());
  }
  return out;
}

}  // namespace slipway::apiserver
