#include "apiserver/auth/node_authorizer.h"

#include "base/strings.h"
#include "json/document.h"

namespace slipway::apiserver {
namespace {

Decision yes() {
  return {true, {}};
}

Decision no(std::string_view node, std::string_view why) {
  return {false, fmt::format("node '{}' {}", node, why)};
}

const json::array& arrayAt(const json::object& object, std::initializer_list<std::string_view> path) {
  static const json::array kNone;
  const json::array* found = json::findArray(object, path);
  return found == nullptr ? kNone : *found;
}

bool containersUse(const json::object& pod, std::string_view list, std::string_view ref, std::string_view key_ref,
                   std::string_view name) {
  for (const json::value& entry : arrayAt(pod, {"spec", list})) {
    const json::object& container = entry.as_object();
    for (const json::value& from : arrayAt(container, {"envFrom"})) {
      if (json::text(from.as_object(), {ref, "name"}) == name) return true;
    }
    for (const json::value& env : arrayAt(container, {"env"})) {
      if (json::text(env.as_object(), {"valueFrom", key_ref, "name"}) == name) return true;
    }
  }
  return false;
}

bool envUses(const json::object& pod, std::string_view ref, std::string_view key_ref, std::string_view name) {
  return containersUse(pod, "containers", ref, key_ref, name) ||
         containersUse(pod, "initContainers", ref, key_ref, name) ||
         containersUse(pod, "ephemeralContainers", ref, key_ref, name);
}

/// Secrets in volumes of any kind are named by `secretName`, `secretRef.name` or projected sources.
bool volumesUse(const json::object& pod, std::string_view source, std::string_view name_key, std::string_view name) {
  for (const json::value& entry : arrayAt(pod, {"spec", "volumes"})) {
    const json::object& volume = entry.as_object();
    if (json::text(volume, {source, name_key}) == name) return true;
    for (const json::value& projected : arrayAt(volume, {"projected", "sources"})) {
      if (json::text(projected.as_object(), {source, "name"}) == name) return true;
    }
    if (source != "secret") continue;
    for (const auto& [kind, value] : volume) {
      if (value.is_object() && json::text(value.get_object(), {"secretRef", "name"}) == name) return true;
      if (value.is_object() && json::text(value.get_object(), {"nodePublishSecretRef", "name"}) == name) return true;
    }
  }
  return false;
}

bool usesSecret(const json::object& pod, std::string_view name) {
  for (const json::value& entry : arrayAt(pod, {"spec", "imagePullSecrets"})) {
    if (json::text(entry.as_object(), {"name"}) == name) return true;
  }
  return envUses(pod, "secretRef", "secretKeyRef", name) || volumesUse(pod, "secret", "secretName", name);
}

bool usesConfigMap(const json::object& pod, std::string_view name) {
  return envUses(pod, "configMapRef", "configMapKeyRef", name) || volumesUse(pod, "configMap", "name", name);
}

bool usesClaim(const json::object& pod, std::string_view name) {
  for (const json::value& entry : arrayAt(pod, {"spec", "volumes"})) {
    const json::object& volume = entry.as_object();
    if (json::text(volume, {"persistentVolumeClaim", "claimName"}) == name) return true;
    if (!volume.contains("ephemeral")) continue;
    if (fmt::format("{}-{}", json::text(pod, {"metadata", "name"}), json::text(volume, {"name"})) == name) return true;
  }
  return false;
}

/// What the role system:node gives all nodes alike.
const std::vector<PolicyRule>& nodeRules() {
  using Words = std::vector<std::string>;
  static const Words kRead{"get", "list", "watch"};
  static const std::vector<PolicyRule> kRules = {
      {{"create"}, {"authentication.k8s.io"}, {"tokenreviews"}, {}, {}},
      {{"create"}, {"authorization.k8s.io"}, {"subjectaccessreviews", "localsubjectaccessreviews"}, {}, {}},
      {kRead, {""}, {"services"}, {}, {}},
      {{"create", "get", "list", "watch"}, {""}, {"nodes"}, {}, {}},
      {{"patch", "update"}, {""}, {"nodes/status", "nodes"}, {}, {}},
      {{"create", "patch", "update"}, {""}, {"events"}, {}, {}},
      {{"get", "list", "watch", "create", "delete"}, {""}, {"pods"}, {}, {}},
      {{"patch", "update"}, {""}, {"pods/status"}, {}, {}},
      {{"create"}, {""}, {"pods/eviction"}, {}, {}},
      {{"get"}, {""}, {"persistentvolumes", "persistentvolumeclaims"}, {}, {}},
      {{"get", "patch", "update"}, {""}, {"persistentvolumeclaims/status"}, {}, {}},
      {{"create", "get", "list", "watch"}, {"certificates.k8s.io"}, {"certificatesigningrequests"}, {}, {}},
      {kRead, {"storage.k8s.io"}, {"csidrivers", "volumeattachments"}, {}, {}},
      {kRead, {"node.k8s.io"}, {"runtimeclasses"}, {}, {}},
      {kRead, {"certificates.k8s.io"}, {"clustertrustbundles"}, {}, {}},
  };
  return kRules;
}

/// Whether a list or a watch is of one value of a field alone.
bool selects(const Attributes& what, std::string_view field, std::string_view value) {
  for (const std::string_view term : split(what.field_selector, ',')) {
    if (term == fmt::format("{}={}", field, value) || term == fmt::format("{}=={}", field, value)) return true;
  }
  return false;
}

bool readsOne(const Attributes& what) {
  return (what.verb == "get" || what.verb == "list" || what.verb == "watch") && what.subresource.empty();
}

}  // namespace

std::string nodeOf(const User& user) {
  if (!user.in(kNodesGroup) || !user.name.starts_with(kNodeUserPrefix)) return {};
  return user.name.substr(kNodeUserPrefix.size());
}

Decision NodeAuthorizer::authorize(const User& user, const Attributes& what) const {
  const std::string node = nodeOf(user);
  if (node.empty() || !what.is_resource) return {};
  if (what.group.empty()) {
    if (what.resource == "secrets" || what.resource == "configmaps" || what.resource == "persistentvolumeclaims" ||
        what.resource == "persistentvolumes") {
      if (what.resource != "persistentvolumeclaims" || what.subresource != "status")
        return authorizeRelated(node, what);
    }
    if (what.resource == "serviceaccounts") return authorizeToken(node, what);
    if (what.resource == "pods" && readsOne(what)) return authorizePod(node, what);
    if (what.resource == "nodes" && readsOne(what)) {
      if (what.name == node || selects(what, "metadata.name", node)) return yes();
      return no(node, fmt::format("cannot read '{}', only its own Node object", what.name));
    }
  }
  const bool own = what.name == node || what.verb == "create";
  if (what.group == "coordination.k8s.io" && what.resource == "leases") {
    if (what.ns != "kube-node-lease")
      return no(node, "can only access leases in the \"kube-node-lease\" system namespace");
    if (!own) return no(node, "can only access node lease with the same name as the requesting node");
    return yes();
  }
  if (what.group == "storage.k8s.io" && what.resource == "csinodes") {
    if (!own) return no(node, "can only access CSINode with the same name as the requesting node");
    return yes();
  }
  for (const PolicyRule& rule : nodeRules()) {
    if (allows(rule, what)) return yes();
  }
  return {};
}

Decision NodeAuthorizer::authorizeRelated(const std::string& node, const Attributes& what) const {
  if (!readsOne(what) || what.name.empty()) return no(node, fmt::format("can only read resources of this type"));
  const std::string unrelated = fmt::format("no relationship found between node '{}' and this object", node);
  bool related = false;
  if (what.resource == "secrets") {
    related = anyPod(node, what.ns, [&](const json::object& pod) { return usesSecret(pod, what.name); });
  } else if (what.resource == "configmaps") {
    related = anyPod(node, what.ns, [&](const json::object& pod) { return usesConfigMap(pod, what.name); });
  } else if (what.resource == "persistentvolumeclaims") {
    related = anyPod(node, what.ns, [&](const json::object& pod) { return usesClaim(pod, what.name); });
  } else {
    const StoredPtr volume = store_.table("core/persistentvolumes").find(what.name);
    if (!volume) return {false, unrelated};
    const json::value document = json::parse(volume->bytes);
    const std::string ns(json::text(document.as_object(), {"spec", "claimRef", "namespace"}));
    const std::string claim(json::text(document.as_object(), {"spec", "claimRef", "name"}));
    related = !claim.empty() && anyPod(node, ns, [&](const json::object& pod) { return usesClaim(pod, claim); });
  }
  return related ? yes() : Decision{false, unrelated};
}

Decision NodeAuthorizer::authorizePod(const std::string& node, const Attributes& what) const {
  if (what.verb != "get" && selects(what, "spec.nodeName", node)) return yes();
  if (what.name.empty()) return {false, "can only list/watch pods with spec.nodeName field selector"};
  const auto named = [&](const json::object& pod) { return json::text(pod, {"metadata", "name"}) == what.name; };
  if (anyPod(node, what.ns, named)) return yes();
  return {false, fmt::format("no relationship found between node '{}' and this object", node)};
}

Decision NodeAuthorizer::authorizeToken(const std::string& node, const Attributes& what) const {
  const bool reads = readsOne(what);
  if (!reads && (what.verb != "create" || what.subresource != "token"))
    return no(node, "can only create tokens for individual service accounts");
  const auto runs = [&](const json::object& pod) {
    return json::text(pod, {"spec", "serviceAccountName"}) == what.name;
  };
  if (anyPod(node, what.ns, runs)) return yes();
  return {false, fmt::format("no relationship found between node '{}' and this object", node)};
}

bool NodeAuthorizer::anyPod(const std::string& node, const std::string& ns,
                            const std::function<bool(const json::object&)>& uses) const {
  for (const StoredPtr& stored : store_.table("core/pods").list(ns + "/", "", 0).objects) {
    // Cheap look before the expensive one: most pods are elsewhere.
    if (stored->bytes.find(node) == std::string::npos) continue;
    const json::value pod = json::parse(stored->bytes);
    if (json::text(pod.as_object(), {"spec", "nodeName"}) == node && uses(pod.as_object())) return true;
  }
  return false;
}

}  // namespace slipway::apiserver
