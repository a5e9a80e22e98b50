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

void bumpGeneration(object& document, const object& old, std::string_view kind) {
  // The wanted state is everything but metadata and status; a Deployment's annotations are part of it.
  const auto differs = [](const object& one, const object& other) {
    return std::ranges::any_of(one, [&](const auto& field) {
      return !oneOf(field.key(), {"metadata", "status", "apiVersion", "kind"}) &&
             !json::equalIgnoringEmpty(&field.value(), other.if_contains(field.key()));
    });
  };
  bool changed = differs(document, old) || differs(old, document);
  if (kind == "Deployment") {
    changed = changed || !json::equalIgnoringEmpty(json::find(document, {"metadata", "annotations"}),
                                                   json::find(old, {"metadata", "annotations"}));
  }
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

bool usesNodePorts(std::string_view type) {
  return type == "NodePort" || type == "LoadBalancer";
}

/// What was allocated stays when the client leaves it out, and goes when the new type has no use for it.
void keepAllocations(object& document, const object& old) {
  object& spec = json::ensureObject(document, "spec");
  std::string type(json::text(spec, {"type"})), before(json::text(old, {"spec", "type"}));
  std::string ip(json::text(spec, {"clusterIP"})), old_ip(json::text(old, {"spec", "clusterIP"}));
  if (type == "ExternalName" && before != "ExternalName" && ip == old_ip) {
    for (std::string_view key : {"clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"}) json::removeKey(spec, key);
  } else if (type != "ExternalName" && before != "ExternalName" && ip.empty()) {
    for (std::string_view key : {"clusterIP", "clusterIPs"}) setOrRemove(spec, key, json::find(old, {"spec", key}));
  }
  array* ports = json::findArray(spec, {"ports"});
  const array* old_ports = json::findArray(old, {"spec", "ports"});
  if (!usesNodePorts(type) || !usesNodePorts(before) || ports == nullptr || old_ports == nullptr) return;
  for (value& port : *ports) {
    if (!port.is_object() || json::findInt(port.get_object(), {"nodePort"}).value_or(0) != 0) continue;
    for (const value& one : *old_ports) {
      bool same = one.is_object() &&
                  json::findInt(one.get_object(), {"port"}) == json::findInt(port.get_object(), {"port"}) &&
                  json::text(one.get_object(), {"protocol"}) == json::text(port.get_object(), {"protocol"});
      if (same) setOrRemove(port.get_object(), "nodePort", json::find(one.get_object(), {"nodePort"}));
    }
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
  if (kind == "StatefulSet") {
    if (array* claims = json::findArray(document, {"spec", "volumeClaimTemplates"})) {
      for (value& claim : *claims) {
        if (!claim.is_object()) continue;
        claim.get_object()["apiVersion"] = "v1";
        claim.get_object()["kind"] = "PersistentVolumeClaim";
      }
    }
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
    bool has_status = resource.subresource("status") != nullptr;
    if (has_status) setOrRemove(document, "status", old.if_contains("status"));
    if (kind == "Namespace") {
      setOrRemove(json::ensureObject(document, "spec"), "finalizers", json::find(old, {"spec", "finalizers"}));
    }
    if (kind == "CertificateSigningRequest") setOrRemove(document, "spec", old.if_contains("spec"));
    if (kind == "Service") keepAllocations(document, old);
  }
  if (kind == "DaemonSet") countTemplates(document, old);
  if (hasGeneration(kind)) {
    bumpGeneration(document, old, kind);
  } else {
    setOrRemove(json::ensureObject(document, "metadata"), "generation", json::find(old, {"metadata", "generation"}));
  }
}

}  // namespace slipway::schema
