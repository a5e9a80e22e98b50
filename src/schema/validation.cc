#include "schema/validation.h"

#include "base/strings.h"
#include "json/compare.h"
#include "json/document.h"
#include "schema/formats.h"
#include "schema/validation_kinds.h"

namespace slipway::schema {
namespace {

constexpr int64_t kMaxAnnotations = 256 << 10;

const KindRules* rulesOf(std::string_view kind) {
  for (auto rules :
       {podRules(), coreRules(), volumeRules(), workloadRules(), accessRules(), networkRules(), policyRules(),
        serviceRules(), quotaRules(), eventRules(), jobRules(), autoscalerRules(), storageKindRules()}) {
    auto at = std::ranges::find(rules, kind, &KindRules::kind);
    if (at != rules.end()) return &*at;
  }
  return nullptr;
}

void checkOwners(const Check& metadata) {
  // The real server names these without an index.
  std::string path = metadata.path("ownerReferences");
  std::string controller;
  metadata.list("ownerReferences", [&](const Check& owner) {
    const std::string_view version = owner.text("apiVersion");
    if (version.empty() || std::ranges::count(version, '/') > 1) {
      owner.invalidAt(path + ".apiVersion", version, "version must not be empty");
    }
    for (std::string_view key : {"kind", "name", "uid"}) {
      if (owner.text(key).empty()) owner.invalidAt(fmt::format("{}.{}", path, key), "", "must not be empty");
    }
    if (owner.text("apiVersion") == "v1" && owner.text("kind") == "Event") {
      owner.invalidAt(path, owner.object(), "/v1, Kind=Event is disallowed from being an owner");
    }
    if (!owner.flag("controller")) return;
    std::string name = fmt::format("{}/{}", owner.text("kind"), owner.text("name"));
    if (!controller.empty()) {
      metadata.invalid(
          "ownerReferences",
          fmt::format("Only one reference can have Controller set to true. Found \"true\" in references for "
                      "{} and {}",
                      controller, name));
    }
    controller = name;
  });
}

void checkFinalizers(const Check& metadata, bool standard) {
  metadata.strings("finalizers", [&](std::string_view name, size_t) {
    for (const std::string& problem : qualifiedName(name)) {
      metadata.invalidAt(metadata.path("finalizers"), name, problem);
    }
  });
  if (!standard) return;
  metadata.strings("finalizers", [&](std::string_view name, size_t index) {
    bool known = name == "kubernetes" || name == "orphan" || name == "foregroundDeletion";
    if (known || name.find('/') != std::string_view::npos) return;
    metadata.invalidAt(fmt::format("{}[{}]", metadata.path("finalizers"), index), name,
                       "name is neither a standard finalizer name nor is it fully qualified");
  });
}

}  // namespace

NameRule nameRuleOf(std::string_view kind) {
  if (kind == "Namespace" || kind == "Service" || kind == "StatefulSet") return dnsLabel;
  if (kind == "IPAddress") return canonicalIp;
  bool path = kind == "PodDisruptionBudget" || kind == "Role" || kind == "ClusterRole" || kind == "RoleBinding" ||
              kind == "ClusterRoleBinding" || kind == "Event" || kind == "CertificateSigningRequest" ||
              kind == "APIService";
  return path ? pathSegment : dnsSubdomain;
}

void checkLabels(const Check& at, std::string_view key, std::string_view shown_path) {
  const json::value* labels = at.value(key);
  if (labels == nullptr || !labels->is_object()) return;
  std::string path = shown_path.empty() ? at.path(key) : std::string(shown_path);
  for (const auto& [name, part] : labels->get_object()) {
    for (const std::string& problem : qualifiedName(name)) at.invalidAt(path, json::value(name), problem);
    if (!part.is_string()) continue;
    for (const std::string& problem : labelValue(part.get_string())) at.invalidAt(path, part, problem);
  }
}

void checkAnnotations(const Check& at, std::string_view key, std::string_view shown_path) {
  const json::value* annotations = at.value(key);
  if (annotations == nullptr || !annotations->is_object()) return;
  std::string path = shown_path.empty() ? at.path(key) : std::string(shown_path);
  int64_t size = 0;
  for (const auto& [name, part] : annotations->get_object()) {
    for (const std::string& problem : annotationKey(name)) at.invalidAt(path, json::value(name), problem);
    size += static_cast<int64_t>(name.size() + (part.is_string() ? part.get_string().size() : 0));
  }
  if (size > kMaxAnnotations) {
    at.add(FieldError::Type::TooLong, path, fmt::format("Too long: may not be more than {} bytes", kMaxAnnotations));
  }
}

void validateMetadata(const Check& root, bool namespaced, NameRule rule, bool standard_finalizers) {
  Check metadata = root.child("metadata");
  // A prefix may end as a name may not: what is generated goes on after it.
  std::string prefix(metadata.text("generateName"));
  if (prefix.ends_with('-')) prefix.back() = 'a';
  if (!prefix.empty()) {
    for (const std::string& problem : rule(prefix)) metadata.invalid("generateName", problem);
  }
  if (metadata.text("name").empty()) {
    metadata.required("name", "name or generateName is required");
  } else {
    metadata.format("name", rule);
  }
  std::string_view ns = metadata.text("namespace");
  if (namespaced && ns.empty()) metadata.required("namespace");
  if (namespaced) metadata.format("namespace", dnsLabel);
  if (!namespaced && !ns.empty()) metadata.forbidden("namespace", "not allowed on this type");
  checkLabels(metadata, "labels");
  checkAnnotations(metadata, "annotations");
  checkOwners(metadata);
  checkFinalizers(metadata, standard_finalizers);
}

void validateMetadataUpdate(const Check& root, const json::object& old) {
  Check metadata = root.child("metadata");
  for (std::string_view key :
       {"name", "namespace", "uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds"}) {
    // What the client leaves out the server keeps; only another value is a change.
    if (metadata.value(key) == nullptr) continue;
    const json::value* before = json::find(old, {"metadata", key});
    if (!json::equalIgnoringEmpty(metadata.value(key), before)) metadata.invalid(key, "field is immutable");
  }
  if (json::text(old, {"metadata", "deletionTimestamp"}).empty()) return;
  std::set<std::string> before, extra;
  if (const json::array* names = json::findArray(old, {"metadata", "finalizers"})) {
    for (const json::value& name : *names) {
      if (name.is_string()) before.emplace(name.get_string());
    }
  }
  metadata.strings("finalizers", [&](std::string_view name, size_t) {
    if (!before.contains(std::string(name))) extra.emplace(name);
  });
  if (extra.empty()) return;
  std::vector<std::string> quoted;
  for (const std::string& name : extra) quoted.push_back(fmt::format("{:?}", name));
  metadata.forbidden("finalizers",
                     fmt::format("no new finalizers can be added if the object is being deleted, found new "
                                 "finalizers []string{{{}}}",
                                 join(quoted, ", ")));
}

void checkImmutable(const Check& root, const json::object& old, std::initializer_list<std::string_view> path,
                    std::string_view detail) {
  const json::value* now = json::find(root.object(), path);
  if (json::equalIgnoringEmpty(now, json::find(old, path))) return;
  root.invalidAt(fmt::format("{}", fmt::join(path, ".")), now == nullptr ? json::value() : *now, detail);
}

FieldErrors validateCreate(const ResourceInfo& resource, const json::object& object) {
  FieldErrors errors;
  Check root(errors, object);
  validateMetadata(root, resource.namespaced, nameRuleOf(resource.kind), true);
  if (const KindRules* rules = rulesOf(resource.kind); rules != nullptr && rules->create != nullptr)
    rules->create(root);
  return errors;
}

FieldErrors validateUpdate(const ResourceInfo& resource, std::string_view subresource, const json::object& object,
                           const json::object& old) {
  FieldErrors errors;
  Check root(errors, object);
  validateMetadata(root, resource.namespaced, nameRuleOf(resource.kind), true);
  validateMetadataUpdate(root, old);
  const KindRules* rules = rulesOf(resource.kind);
  if (rules == nullptr || subresource == "approval") return errors;
  if (subresource == "status") {
    if (rules->status != nullptr) rules->status(root, old);
    return errors;
  }
  const bool pod = resource.kind == "Pod";
  // What is wrong with a pod by itself is told before what may not change, and its own way of creation is no matter.
  if (pod) checkPodSpec(root.child("spec"));
  if (pod && subresource == "resize") checkResize(root, old);
  if (pod && subresource == "ephemeralcontainers") checkEphemeralChanges(root, old);
  const bool changes = rules->update != nullptr && subresource.empty();
  if (changes && rules->when != When::After) rules->update(root, old);
  if (rules->create != nullptr && !pod && rules->when != When::Alone) rules->create(root);
  if (changes && rules->when == When::After) rules->update(root, old);
  return errors;
}

}  // namespace slipway::schema
