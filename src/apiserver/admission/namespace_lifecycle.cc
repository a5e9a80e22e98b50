#include "apiserver/admission/plugins.h"
#include "apiserver/api/object_meta.h"

namespace slipway::apiserver {
namespace {

bool isImmortal(std::string_view name) {
  return name == "default" || name == "kube-system" || name == "kube-public";
}

class NamespaceLifecycle final : public PlainAdmission {
 public:
  explicit NamespaceLifecycle(Store& store) : store_(store) {}

 protected:
  Done change(AdmissionRequest& request) override {
    if (request.kind->table == "core/namespaces") {
      if (request.operation == "DELETE" && isImmortal(request.name)) {
        return failure(refuse::forbidden(request.kind->resource(), request.name, "this namespace may not be deleted"));
      }
      return {};
    }
    if (!request.kind->namespaced || request.operation == "DELETE") return {};
    const StoredPtr stored = store_.table("core/namespaces").find(request.ns);
    if (!stored) return failure(refuse::notFound({"namespaces", ""}, request.ns));
    if (request.operation != "CREATE") return {};
    // Most namespaces are not: parsing can wait until the word occurs.
    if (stored->bytes.find("Terminating") == std::string::npos) return {};
    const json::value ns = json::parse(stored->bytes);
    if (json::text(ns.as_object(), {"status", "phase"}) != "Terminating") return {};
    StatusError error = refuse::forbidden(
        request.kind->resource(), request.name,
        fmt::format("unable to create new content in namespace {} because it is being terminated", request.ns));
    error.details["causes"] =
        json::array{json::object{{"reason", "NamespaceTerminating"},
                                 {"message", fmt::format("namespace {} is being terminated", request.ns)},
                                 {"field", "metadata.namespace"}}};
    return failure(std::move(error));
  }

 private:
  Store& store_;
};

}  // namespace

std::unique_ptr<Admission> namespaceLifecycle(Store& store) {
  return std::make_unique<NamespaceLifecycle>(store);
}

}  // namespace slipway::apiserver
