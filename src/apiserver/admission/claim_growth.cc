#include "apiserver/admission/plugins.h"
#include "apiserver/api/object_meta.h"
#include "json/document.h"
#include "schema/quantity.h"

namespace slipway::apiserver {
namespace {

std::optional<schema::Quantity> sizeOf(const json::object& claim) {
  const Result<schema::Quantity> size =
      schema::Quantity::parse(json::text(claim, {"spec", "resources", "requests", "storage"}));
  return size ? std::optional(*size) : std::nullopt;
}

class ClaimGrowth final : public PlainAdmission {
 public:
  explicit ClaimGrowth(Store& store) : store_(store) {}

 protected:
  Done check(const AdmissionRequest& request) override {
    if (request.kind->table != "core/persistentvolumeclaims" || !request.subresource.empty()) return {};
    if (request.old == nullptr || request.object == nullptr || request.operation != "UPDATE") return {};
    const auto before = sizeOf(*request.old), now = sizeOf(*request.object);
    if (!before || !now || *now <= *before) return {};
    const auto refuse = [&](std::string_view why) -> Done {
      return failure(refuse::forbidden(request.kind->resource(), request.name, why));
    };
    if (json::text(*request.old, {"status", "phase"}) != "Bound") {
      return refuse("Only bound persistent volume claims can be expanded");
    }
    const std::string name(json::text(*request.old, {"spec", "storageClassName"}));
    const StoredPtr stored = name.empty() ? nullptr : store_.table("storage.k8s.io/storageclasses").find(name);
    const json::value document = stored ? json::parse(stored->bytes) : json::value(json::object());
    if (json::isTrue(document.as_object(), {"allowVolumeExpansion"})) return {};
    return refuse(
        "only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must support "
        "resize");
  }

 private:
  Store& store_;
};

}  // namespace

std::unique_ptr<Admission> claimGrowth(Store& store) {
  return std::make_unique<ClaimGrowth>(store);
}

}  // namespace slipway::apiserver
