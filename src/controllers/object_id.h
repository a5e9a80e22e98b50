#pragma once

#include <string>
#include <utility>

#include "kube/resource.h"

namespace slipway::controllers {

/// "group/plural": a kind whatever its version.
std::string kindId(const kube::Resource& resource);

/// An object of any kind, as a key for a KeyedLoop: "apps/deployments default/web".
struct ObjectId {
  std::string kind;  ///< kindId()
  std::string key;   ///< kube::key()

  std::string str() const { return kind + " " + key; }
  static ObjectId parse(const std::string& text);
  std::string ns() const;
  std::string name() const;
};

/// One of an object's metadata.ownerReferences.
struct OwnerReference {
  std::string api_version;
  std::string kind;
  std::string name;
  std::string uid;
  bool blocks_deletion = false;
};
std::vector<OwnerReference> ownersOf(const kube::Object& object);

bool isBeingDeleted(const kube::Object& object);
bool hasFinalizer(const kube::Object& object, std::string_view finalizer);

inline constexpr std::string_view kForegroundDeletion = "foregroundDeletion";
inline constexpr std::string_view kOrphan = "orphan";

/// Being deleted, and there until its dependents are gone.
inline bool awaitsDependents(const kube::Object& object) {
  return isBeingDeleted(object) && hasFinalizer(object, kForegroundDeletion);
}
/// Being deleted, and there until its dependents know it no more.
inline bool awaitsOrphans(const kube::Object& object) {
  return isBeingDeleted(object) && hasFinalizer(object, kOrphan);
}

}  // namespace slipway::controllers
