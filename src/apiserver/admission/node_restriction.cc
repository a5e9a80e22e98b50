#include <algorithm>
#include <set>

#include "apiserver/admission/plugins.h"
#include "apiserver/api/object_meta.h"
#include "apiserver/auth/node_authorizer.h"
#include "base/strings.h"
#include "json/compare.h"

namespace slipway::apiserver {
namespace {

class NodeRestriction final : public PlainAdmission {
 public:
  explicit NodeRestriction(Store& store) : store_(store) {}

 protected:
  Done check(const AdmissionRequest& request) override {
    const std::string node = nodeOf(request.user);
    if (node.empty()) return {};
    if (request.kind->table == "core/pods") return checkPod(request, node);
    if (request.kind->table == "core/nodes") return checkNode(request, node);
    if (request.kind->table == "coordination.k8s.io/leases") {
      if (request.ns != "kube-node-lease")
        return no(request, node, "can only access leases in the \"kube-node-lease\" system namespace");
      if (request.name != node)
        return no(request, node, "can only access node lease with the same name as the requesting node");
    }
    if (request.kind->table == "storage.k8s.io/csinodes" && request.name != node) {
      return no(request, node, "can only access CSINode with the same name as the requesting node");
    }
    return {};
  }

 private:
  static Done no(const AdmissionRequest& request, const std::string& node, std::string_view why) {
    return failure(refuse::forbidden(request.kind->resource(), request.name, fmt::format("node \"{}\" {}", node, why)));
  }

  Done checkPod(const AdmissionRequest& request, const std::string& node) const {
    const json::object* pod = request.operation == "DELETE" || request.old != nullptr ? request.old : request.object;
    const bool own = pod != nullptr && json::text(*pod, {"spec", "nodeName"}) == node;
    if (request.operation == "CREATE") {
      const json::object* annotations = json::findObject(*request.object, {"metadata", "annotations"});
      if (annotations == nullptr || !annotations->contains("kubernetes.io/config.mirror")) {
        return failure(refuse::forbidden(
            request.kind->resource(), request.name,
            fmt::format(
                "pod does not have \"kubernetes.io/config.mirror\" annotation, node \"{}\" can only create mirror pods",
                node)));
      }
      if (!own) return no(request, node, "can only create pods with spec.nodeName set to itself");
      return checkMirror(request, node);
    }
    if (request.operation == "DELETE")
      return own ? Done() : no(request, node, "can only delete pods with spec.nodeName set to itself");
    if (request.subresource == "status") {
      if (!own) return no(request, node, "can only update pod status for pods with spec.nodeName set to itself");
      const bool same_labels = json::equalIgnoringEmpty(json::find(*request.object, {"metadata", "labels"}),
                                                        json::find(*request.old, {"metadata", "labels"}));
      return same_labels ? Done() : no(request, node, "cannot update labels through pod status");
    }
    return no(request, node, "can only update pod status");
  }

  /// The picture of a static pod belongs to its node, and gets nothing from the API that could lend it rights.
  Done checkMirror(const AdmissionRequest& request, const std::string& node) const {
    const json::array* owners = json::findArray(*request.object, {"metadata", "ownerReferences"});
    if (owners == nullptr || owners->size() != 1)
      return no(request, node, "can only create pods with a single owner reference set to itself");
    const json::object& owner = (*owners)[0].as_object();
    const bool is_node = json::text(owner, {"apiVersion"}) == "v1" && json::text(owner, {"kind"}) == "Node" &&
                         json::text(owner, {"name"}) == node;
    if (!is_node) return no(request, node, "can only create pods with an owner reference set to itself");
    if (!json::isTrue(owner, {"controller"}))
      return no(request, node, "can only create pods with a controller owner reference set to itself");
    if (json::isTrue(owner, {"blockOwnerDeletion"}))
      return no(request, node, "must not set blockOwnerDeletion on an owner reference");
    const StoredPtr stored = store_.table("core/nodes").find(node);
    const std::string uid(stored ? meta::uid(json::parse(stored->bytes).as_object()) : "");
    if (uid != json::text(owner, {"uid"}))
      return failure(refuse::forbidden(
          request.kind->resource(), request.name,
          fmt::format("node {} UID mismatch: expected {} got {}", node, json::text(owner, {"uid"}), uid)));
    const std::string_view lent = whatIsLent(*request.object);
    return lent.empty() ? Done() : no(request, node, fmt::format("can not create pods that reference {}", lent));
  }

  /// The first kind of object of the API that the pod would get something of.
  static std::string_view whatIsLent(const json::object& pod) {
    if (!json::text(pod, {"spec", "serviceAccountName"}).empty()) return "serviceaccounts";
    const std::string spec = json::serialize(*pod.if_contains("spec"));
    constexpr std::pair<std::string_view, std::string_view> kFields[] = {
        {"\"secret\":{", "secrets"},
        {"\"secretRef\":{", "secrets"},
        {"\"secretKeyRef\":{", "secrets"},
        {"\"imagePullSecrets\":[{", "secrets"},
        {"\"configMap\":{", "configmaps"},
        {"\"configMapRef\":{", "configmaps"},
        {"\"configMapKeyRef\":{", "configmaps"},
        {"\"persistentVolumeClaim\":{", "persistentvolumeclaims"},
        {"\"resourceClaims\":[{", "resourceclaims"},
        {"\"serviceAccountToken\":{", "serviceaccounts"}};
    for (const auto& [field, what] : kFields) {
      if (spec.find(field) != std::string::npos) return what;
    }
    return {};
  }

  Done checkNode(const AdmissionRequest& request, const std::string& node) const {
    if (request.name != node)
      return no(request, node, fmt::format("is not allowed to modify node \"{}\"", request.name));
    if (request.operation == "DELETE") return {};
    const bool creates = request.operation == "CREATE";
    const auto changed = [&](std::initializer_list<std::string_view> path) {
      const json::value* before = creates ? nullptr : json::find(*request.old, path);
      return !json::equalIgnoringEmpty(json::find(*request.object, path), before);
    };
    const bool has_source = json::findObject(*request.object, {"spec", "configSource"}) != nullptr;
    if (has_source && changed({"spec", "configSource"}))
      return no(request, node,
                creates ? "is not allowed to create pods with a non-nil configSource"
                        : "is not allowed to update configSource to a new non-nil configSource");
    if (!creates && request.subresource.empty() && changed({"spec", "taints"}))
      return no(request, node, "is not allowed to modify taints");
    if (!creates && changed({"metadata", "ownerReferences"}))
      return no(request, node, "is not allowed to modify ownerReferences");
    const std::vector<std::string> labels = forbiddenLabels(*request.object, creates ? nullptr : request.old);
    if (labels.empty()) return {};
    if (creates) return no(request, node, "is not allowed to set the following labels: " + join(labels, ", "));
    return failure(refuse::forbidden(request.kind->resource(), request.name,
                                     "is not allowed to modify labels: " + join(labels, ", ")));
  }

  /// Labels that decide what is scheduled on a node are the administrator's; of Kubernetes' own a node has its own few.
  static std::vector<std::string> forbiddenLabels(const json::object& now, const json::object* before) {
    static const json::object kNone;
    const json::object* mine = json::findObject(now, {"metadata", "labels"});
    const json::object* theirs = before == nullptr ? nullptr : json::findObject(*before, {"metadata", "labels"});
    std::set<std::string> changed;
    const auto compare = [&](const json::object* from, const json::object* to) {
      for (const auto& [key, value] : from == nullptr ? kNone : *from) {
        const json::value* other = to == nullptr ? nullptr : to->if_contains(key);
        if (other == nullptr || *other != value) changed.insert(std::string(key));
      }
    };
    compare(mine, theirs);
    compare(theirs, mine);
    std::vector<std::string> out;
    std::ranges::copy_if(changed, std::back_inserter(out), isForbidden);
    return out;
  }

  static bool isForbidden(const std::string& label) {
    constexpr std::string_view kOwn[] = {"kubernetes.io/hostname",
                                         "kubernetes.io/os",
                                         "kubernetes.io/arch",
                                         "topology.kubernetes.io/zone",
                                         "topology.kubernetes.io/region",
                                         "failure-domain.beta.kubernetes.io/zone",
                                         "failure-domain.beta.kubernetes.io/region",
                                         "node.kubernetes.io/instance-type",
                                         "beta.kubernetes.io/instance-type",
                                         "beta.kubernetes.io/os",
                                         "beta.kubernetes.io/arch"};
    const std::string_view domain = label.find('/') == std::string::npos ? "" : splitOnce(label, '/').first;
    const auto within = [&](std::string_view wanted) {
      return domain == wanted || domain.ends_with(fmt::format(".{}", wanted));
    };
    if (within("node-restriction.kubernetes.io")) return true;
    if (!within("kubernetes.io") && !within("k8s.io")) return false;
    return std::ranges::find(kOwn, label) == std::end(kOwn) && !within("kubelet.kubernetes.io") &&
           !within("node.kubernetes.io");
  }

  Store& store_;
};

}  // namespace

std::unique_ptr<Admission> nodeRestriction(Store& store) {
  return std::make_unique<NodeRestriction>(store);
}

}  // namespace slipway::apiserver
