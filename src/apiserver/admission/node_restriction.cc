#include "apiserver/admission/plugins.h"
#include "apiserver/api/object_meta.h"
#include "apiserver/auth/node_authorizer.h"

namespace slipway::apiserver {
namespace {

class NodeRestriction final : public PlainAdmission {
 public:
  NodeRestriction() = default;

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
      return own ? Done() : no(request, node, "can only create pods with spec.nodeName set to itself");
    }
    if (request.operation == "DELETE")
      return own ? Done() : no(request, node, "can only delete pods with spec.nodeName set to itself");
    if (request.subresource == "status") {
      return own ? Done() : no(request, node, "can only update pod status for pods with spec.nodeName set to itself");
    }
    return no(request, node, "can only update pod status");
  }

  Done checkNode(const AdmissionRequest& request, const std::string& node) const {
    if (request.name != node)
      return no(request, node, fmt::format("is not allowed to modify node \"{}\"", request.name));
    if (request.operation != "UPDATE" || !request.subresource.empty()) return {};
    if (!sameTaints(*request.object, *request.old)) return no(request, node, "is not allowed to modify taints");
    return {};
  }

  static bool sameTaints(const json::object& a, const json::object& b) {
    const json::value* mine = json::find(a, {"spec", "taints"});
    const json::value* theirs = json::find(b, {"spec", "taints"});
    return mine == nullptr || theirs == nullptr ? mine == theirs : *mine == *theirs;
  }
};

}  // namespace

std::unique_ptr<Admission> nodeRestriction() {
  return std::make_unique<NodeRestriction>();
}

}  // namespace slipway::apiserver
