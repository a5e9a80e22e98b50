#include "schema/prepare.h"

#include "base/strings.h"
#include "json/compare.h"
#include "json/document.h"
#include "schema/quantity.h"

namespace slipway::schema {
namespace {

constexpr const char* kTemplateGeneration = "deprecated.daemonset.template.generation";

using json::array;
using json::object;
using json::value;

bool oneOf(std::string_view kind, std::initializer_list<std::string_view> kinds) {
  return std::ranges::find(kinds, kind) != kinds.end();
}

bool hasGeneration(std::string_view kind) {
  return oneOf(kind, {"CronJob",
                      "CustomResourceDefinition",
                      "DaemonSet",
                      "Deployment",
                      "EndpointSlice",
                      "FlowSchema",
                      "Ingress",
                      "IngressClass",
                      "Job",
                      "MutatingAdmissionPolicy",
                      "MutatingAdmissionPolicyBinding",
                      "MutatingWebhookConfiguration",
                      "NetworkPolicy",
                      "Pod",
                      "PodDisruptionBudget",
                      "PodTemplate",
                      "PriorityClass",
                      "PriorityLevelConfiguration",
                      "ReplicaSet",
                      "ReplicationController",
                      "ResourceSlice",
                      "StatefulSet",
                      "ValidatingAdmissionPolicy",
                      "ValidatingAdmissionPolicyBinding",
                      "ValidatingWebhookConfiguration"});
}

void setOrRemove(object& to, std::string_view key, const value* from) {
  if (from == nullptr) {
    json::removeKey(to, key);
  } else {
    value copy = *from;
    to[key] = std::move(copy);
  }
}

void addFinalizer(object& document, std::string_view name) {
  value& list = json::ensureObject(document, "metadata")["finalizers"];
  if (!list.is_array()) list.emplace_array();
  bool there = std::ranges::any_of(list.get_array(),
                                   [&](const value& one) { return one.is_string() && one.get_string() == name; });
  if (!there) list.get_array().emplace_back(name);
}

/// A Job selects its pods by its own uid, unless it says otherwise.
void selectByUid(object& job) {
  object& spec = json::ensureObject(job, "spec");
  std::string uid(json::text(job, {"metadata", "uid"})), name(json::text(job, {"metadata", "name"}));
  if (json::isTrue(spec, {"manualSelector"}) || uid.empty()) return;
  object labels = {{"batch.kubernetes.io/controller-uid", uid},
                   {"batch.kubernetes.io/job-name", name},
                   {"controller-uid", uid},
                   {"job-name", name}};
  object& metadata = json::ensureObject(json::ensureObject(spec, "template"), "metadata");
  object& of_template = json::ensureObject(metadata, "labels");
  for (const auto& [key, part] : labels) of_template[key] = part;
  object& selector = json::ensureObject(json::ensureObject(spec, "selector"), "matchLabels");
  selector["batch.kubernetes.io/controller-uid"] = uid;
  object& own = json::ensureObject(job, "metadata");
  if (const object* given = json::findObject(own, {"labels"}); given == nullptr || given->empty()) {
    object copy = *json::findObject(job, {"spec", "template", "metadata", "labels"});
    own["labels"] = std::move(copy);
  }
}

void setStatus(object& document, object status) {
  document["status"] = std::move(status);
}

void freshStatus(const ResourceInfo& resource, object& document, WallTime now) {
  std::string_view kind = resource.kind;
  if (resource.subresource("status") == nullptr || kind == "Node") return;
  if (kind == "Pod") {
    setStatus(document, {{"phase", "Pending"}, {"qosClass", podQosClass(json::ensureObject(document, "spec"))}});
  } else if (kind == "Namespace") {
    setStatus(document, {{"phase", "Active"}});
  } else if (kind == "PersistentVolume") {
    setStatus(document, {{"phase", "Pending"}, {"lastPhaseTransitionTime", formatTime(now)}});
  } else if (kind == "PersistentVolumeClaim") {
    setStatus(document, {{"phase", "Pending"}});
  } else if (oneOf(kind, {"Service", "Ingress"})) {
    setStatus(document, {{"loadBalancer", object()}});
  } else if (kind == "CustomResourceDefinition" || kind == "FlowSchema" || kind == "PriorityLevelConfiguration") {
    return;
  } else if (value* status = document.if_contains("status")) {
    // What a typed server writes of an empty status: its counters, which are zero.
    object empty;
    if (const Field* field = resource.type == nullptr ? nullptr : resource.type->find("status");
        field != nullptr && field->shape->type != nullptr) {
      for (const Field& counter : field->shape->type->fields) {
        bool number = counter.shape->form == Form::Int32 || counter.shape->form == Form::Int64;
        if (counter.always && !counter.pointer && number) empty[counter.name] = 0;
        if (counter.always && !counter.pointer && counter.shape->form == Form::Bool) empty[counter.name] = false;
      }
    }
    *status = std::move(empty);
  }
}

template <typename Each>
void forEachOf(object& document, std::string_view list, Each each) {
  array* elements = json::findArray(document, {list});
  for (size_t i = 0; elements != nullptr && i < elements->size(); ++i) {
    if (object* one = (*elements)[i].if_object()) each(*one);
  }
}

/// A claim's source in the old field and in the new one are the same; the old one knows two kinds, the new one no
/// other namespaces.
void settleDataSources(object& spec) {
  if (!json::text(spec, {"dataSourceRef", "namespace"}).empty()) json::removeKey(spec, "dataSourceRef");
  if (const object* source = json::findObject(spec, {"dataSource"})) {
    const std::string_view kind = json::text(*source, {"kind"}), group = json::text(*source, {"apiGroup"});
    const bool known = (kind == "PersistentVolumeClaim" && group.empty()) ||
                       (kind == "VolumeSnapshot" && group == "snapshot.storage.k8s.io");
    if (!known) json::removeKey(spec, "dataSource");
  }
  for (const auto& [from, to] : {std::pair{"dataSource", "dataSourceRef"}, std::pair{"dataSourceRef", "dataSource"}}) {
    const object* there = json::findObject(spec, {from});
    if (there == nullptr || spec.contains(to)) continue;
    object copy = *there;
    spec[to] = std::move(copy);
    return;
  }
}

/// Fields of features that a server has to be told to have.
void dropDisabled(std::string_view kind, object& document) {
  if (object* spec = json::findObject(document, {"spec"})) {
    if (kind == "Lease") {
      for (std::string_view key : {"strategy", "preferredHolder"}) json::removeKey(*spec, key);
    }
    if (kind == "PersistentVolumeClaim") settleDataSources(*spec);
  }
  if (kind == "EndpointSlice") {
    forEachOf(document, "endpoints", [](object& endpoint) { json::removeKey(endpoint, "deprecatedTopology"); });
  }
}

void bumpGeneration(object& document, const object& old, std::string_view kind) {
  // The wanted state is everything but metadata and status; a Deployment's annotations, a slice's labels are part of
  // it.
  const auto differs = [](const object& one, const object& other) {
    return std::ranges::any_of(one, [&](const auto& field) {
      return !oneOf(field.key(), {"metadata", "status", "apiVersion", "kind"}) &&
             !json::equalIgnoringEmpty(&field.value(), other.if_contains(field.key()));
    });
  };
  bool changed = differs(document, old) || differs(old, document);
  const auto meta = [&](std::string_view key) {
    return !json::equalIgnoringEmpty(json::find(document, {"metadata", key}), json::find(old, {"metadata", key}));
  };
  changed = changed || (kind == "Deployment" && meta("annotations")) || (kind == "EndpointSlice" && meta("labels"));
  bool going = !json::text(document, {"metadata", "deletionTimestamp"}).empty() &&
               json::text(old, {"metadata", "deletionTimestamp"}).empty();
  int64_t before = json::findInt(old, {"metadata", "generation"}).value_or(0);
  json::ensureObject(document, "metadata")["generation"] = before + (changed || going ? 1 : 0);
}

/// Everything but one field is the old object's; of the metadata only what people write stays.
void keepAllBut(std::string_view field, object& document, const object& old) {
  const auto keeps_own = [&](std::string_view key) { return key == field || key == "metadata"; };
  for (auto at = document.begin(); at != document.end();) {
    const value* before = old.if_contains(at->key());
    const bool goes = keeps_own(at->key()) ? at->value().is_null() : before == nullptr;
    at = goes ? document.stable_erase(at) : at + 1;
  }
  for (const auto& [key, before] : old) {
    if (keeps_own(key)) continue;
    value& now = document[key];
    if (!json::equal(now, before)) now = before;
  }
}

}  // namespace

std::string_view podQosClass(const json::object& pod_spec) {
  bool any = false, guaranteed = true;
  auto look = [&](const object& resources) {
    for (std::string_view name : {"cpu", "memory"}) {
      std::string_view limit = json::text(resources, {"limits", name});
      std::string_view request = json::text(resources, {"requests", name});
      auto positive = [](std::string_view text) {
        Result<Quantity> quantity = Quantity::parse(text);
        return quantity && quantity->sign() > 0;
      };
      any = any || positive(limit) || positive(request);
      guaranteed = guaranteed && positive(limit) && (request.empty() || request == limit);
    }
  };
  if (const object* whole = json::findObject(pod_spec, {"resources"}); whole != nullptr && !whole->empty()) {
    look(*whole);
    return !any ? "BestEffort" : guaranteed ? "Guaranteed" : "Burstable";
  }
  for (std::string_view list : {"containers", "initContainers"}) {
    const array* containers = json::findArray(pod_spec, {list});
    if (containers == nullptr) continue;
    for (const value& one : *containers) {
      const object* resources = one.is_object() ? json::findObject(one.get_object(), {"resources"}) : nullptr;
      look(resources == nullptr ? object() : *resources);
    }
  }
  return !any ? "BestEffort" : guaranteed ? "Guaranteed" : "Burstable";
}

void prepareForCreate(const ResourceInfo& resource, object& document, WallTime now) {
  std::string_view kind = resource.kind;
  freshStatus(resource, document, now);
  dropDisabled(kind, document);
  object& metadata = json::ensureObject(document, "metadata");
  if (hasGeneration(kind)) {
    metadata["generation"] = 1;
  } else {
    json::removeKey(metadata, "generation");
  }
  if (kind == "Namespace") {
    value& finalizers = json::ensureObject(document, "spec")["finalizers"];
    if (!finalizers.is_array()) finalizers.emplace_array();
    array& list = finalizers.get_array();
    if (std::ranges::find(list, value("kubernetes")) == list.end()) list.emplace_back("kubernetes");
  }
  if (kind == "PersistentVolume") addFinalizer(document, "kubernetes.io/pv-protection");
  if (kind == "PersistentVolumeClaim") addFinalizer(document, "kubernetes.io/pvc-protection");
  if (kind == "Job") selectByUid(document);
  if (kind == "DaemonSet") {
    json::ensureObject(metadata, "annotations")[kTemplateGeneration] = "1";
  }
}

namespace {

/// Counts the changes of a DaemonSet's template; its controller takes pods with the right count for up to date.
void countTemplates(object& document, const object& old) {
  const int64_t before = parseInt(json::text(old, {"metadata", "annotations", kTemplateGeneration})).value_or(0);
  const json::value* now = json::find(document, {"spec", "template"});
  const bool same = json::equalIgnoringEmpty(now, json::find(old, {"spec", "template"}));
  object& annotations = json::ensureObject(json::ensureObject(document, "metadata"), "annotations");
  annotations[kTemplateGeneration] = std::to_string(before + (same ? 0 : 1));
}

}  // namespace

void countGeneration(const ResourceInfo& resource, object& document, const object& old) {
  const std::string_view kind = resource.kind;
  // A driver starts to count with its first change, a priority class never does.
  if ((hasGeneration(kind) && kind != "PriorityClass") ||
      (kind == "CSIDriver" && !json::equalIgnoringEmpty(json::find(document, {"spec"}), json::find(old, {"spec"})))) {
    bumpGeneration(document, old, kind);
  } else {
    setOrRemove(json::ensureObject(document, "metadata"), "generation", json::find(old, {"metadata", "generation"}));
  }
}

void prepareForUpdate(const ResourceInfo& resource, std::string_view subresource, object& document, const object& old,
                      WallTime now) {
  std::string_view kind = resource.kind;
  if (subresource == "status") {
    keepAllBut("status", document, old);
    object& metadata = json::ensureObject(document, "metadata");
    if (oneOf(kind, {"Pod", "Node"})) {
      setOrRemove(metadata, "ownerReferences", json::find(old, {"metadata", "ownerReferences"}));
    }
    if (kind == "Deployment") setOrRemove(metadata, "labels", json::find(old, {"metadata", "labels"}));
    if (kind == "PersistentVolume" &&
        json::text(document, {"status", "phase"}) != json::text(old, {"status", "phase"})) {
      json::ensureObject(document, "status")["lastPhaseTransitionTime"] = formatTime(now);
    }
    if (kind == "Pod" && json::text(document, {"status", "qosClass"}).empty()) {
      json::ensureObject(document, "status")["qosClass"] = podQosClass(json::ensureObject(document, "spec"));
    }
  } else if (subresource == "finalize") {
    keepAllBut("spec", document, old);
  } else if (subresource == "approval") {
    object status;
    if (const object* before = json::findObject(old, {"status"})) status = *before;
    setOrRemove(status, "conditions", json::find(document, {"status", "conditions"}));
    document["status"] = std::move(status);
    keepAllBut("status", document, old);
  } else if (subresource.empty()) {
    dropDisabled(kind, document);
    bool has_status = resource.subresource("status") != nullptr;
    if (has_status) setOrRemove(document, "status", old.if_contains("status"));
    if (kind == "Namespace") {
      setOrRemove(json::ensureObject(document, "spec"), "finalizers", json::find(old, {"spec", "finalizers"}));
    }
    if (kind == "CertificateSigningRequest") setOrRemove(document, "spec", old.if_contains("spec"));
  }
  if (kind == "DaemonSet") countTemplates(document, old);
  if (subresource == "status") {
    setOrRemove(json::ensureObject(document, "metadata"), "generation", json::find(old, {"metadata", "generation"}));
  } else {
    countGeneration(resource, document, old);
  }
}

}  // namespace slipway::schema
