#include "controllers/object_id.h"

#include "base/strings.h"

namespace slipway::controllers {

std::string kindId(const kube::Resource& resource) {
  return resource.group + "/" + resource.plural;
}

ObjectId ObjectId::parse(const std::string& text) {
  const auto [kind, key] = splitOnce(text, ' ');
  return {std::string(kind), std::string(key)};
}

std::string ObjectId::ns() const {
  const size_t slash = key.find('/');
  return slash == std::string::npos ? "" : key.substr(0, slash);
}

std::string ObjectId::name() const {
  const size_t slash = key.find('/');
  return slash == std::string::npos ? key : key.substr(slash + 1);
}

std::vector<OwnerReference> ownersOf(const kube::Object& object) {
  std::vector<OwnerReference> owners;
  for (const auto& entry : kube::items(object, {"metadata", "ownerReferences"})) {
    const auto* reference = entry.if_object();
    if (reference == nullptr) continue;
    owners.push_back({std::string(kube::text(*reference, {"apiVersion"})),
                      std::string(kube::text(*reference, {"kind"})), std::string(kube::text(*reference, {"name"})),
                      std::string(kube::text(*reference, {"uid"})), kube::boolean(*reference, {"blockOwnerDeletion"})});
  }
  return owners;
}

bool isBeingDeleted(const kube::Object& object) {
  return kube::find(object, {"metadata", "deletionTimestamp"}) != nullptr;
}

bool hasFinalizer(const kube::Object& object, std::string_view finalizer) {
  const auto& finalizers = kube::items(object, {"metadata", "finalizers"});
  return std::any_of(finalizers.begin(), finalizers.end(), [&](const kube::json::value& value) {
    return value.is_string() && std::string_view(value.get_string()) == finalizer;
  });
}

}  // namespace slipway::controllers
