#include "base/strings.h"
#include "json/compare.h"
#include "json/document.h"
#include "schema/formats.h"
#include "schema/quantity.h"
#include "schema/validation_kinds.h"

namespace slipway::schema {
namespace {

using json::object;
using json::value;

void checkAccessModes(const Check& spec) {
  size_t single = 0;
  spec.strings("accessModes", [&](std::string_view mode, size_t) {
    if (mode == "ReadWriteOncePod") ++single;
    if (mode == "ReadWriteOnce" || mode == "ReadOnlyMany" || mode == "ReadWriteMany" || mode == "ReadWriteOncePod")
      return;
    spec.notSupportedAt(spec.path("accessModes"), mode,
                        {"ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod"});
  });
  if (single > 0 && spec.count("accessModes") > 1) {
    spec.forbidden("accessModes", "may not use ReadWriteOncePod with other access modes");
  }
}

void checkPositive(const Check& at, std::string path, std::string_view quantity) {
  Result<Quantity> read = Quantity::parse(quantity);
  if (read && read->sign() <= 0) at.invalidAt(std::move(path), quantity, "must be greater than zero");
}

void createClaim(const Check& root) {
  Check spec = root.child("spec");
  if (spec.count("accessModes") == 0) spec.required("accessModes", "at least 1 access mode is required");
  checkSelector(spec, "selector");
  checkAccessModes(spec);
  std::string_view storage = json::text(spec.object(), {"resources", "requests", "storage"});
  if (storage.empty()) {
    root.add(FieldError::Type::Required, "spec.resources[storage]", "Required value");
  } else {
    checkPositive(root, "spec.resources[storage]", storage);
  }
  spec.format("storageClassName", dnsSubdomain);
  spec.oneOf("volumeMode", {"Block", "Filesystem"});
}

void updateClaim(const Check& root, const object& old) {
  const object* before = json::findObject(old, {"spec"});
  if (before == nullptr) return;
  object was = *before, is = root.child("spec").object();
  bool bound = json::text(old, {"status", "phase"}) == "Bound";
  // A binder may fill in the volume; a bound claim may grow.
  std::vector<std::string_view> may_change = {"resources", "volumeAttributesClassName"};
  if (json::text(was, {"volumeName"}).empty()) may_change.push_back("volumeName");
  if (json::find(was, {"storageClassName"}) == nullptr) may_change.push_back("storageClassName");
  if (!bound) may_change.erase(may_change.begin(), may_change.begin() + 2);
  for (std::string_view key : may_change) {
    json::removeKey(was, key);
    json::removeKey(is, key);
  }
  if (!json::equalIgnoringEmpty(value(was), value(is))) {
    root.add(FieldError::Type::Forbidden, "spec",
             "Forbidden: spec is immutable after creation except resources.requests and volumeAttributesClassName for "
             "bound claims");
  }
  Result<Quantity> old_size = Quantity::parse(json::text(old, {"spec", "resources", "requests", "storage"}));
  Result<Quantity> new_size = Quantity::parse(json::text(root.object(), {"spec", "resources", "requests", "storage"}));
  if (bound && old_size && new_size && *new_size < *old_size) {
    root.add(FieldError::Type::Forbidden, "spec.resources.requests.storage",
             "Forbidden: field can not be less than status.capacity");
  }
}

constexpr std::array kSources = {"awsElasticBlockStore",
                                 "azureDisk",
                                 "azureFile",
                                 "cephfs",
                                 "cinder",
                                 "csi",
                                 "fc",
                                 "flexVolume",
                                 "flocker",
                                 "gcePersistentDisk",
                                 "glusterfs",
                                 "hostPath",
                                 "iscsi",
                                 "local",
                                 "nfs",
                                 "photonPersistentDisk",
                                 "portworxVolume",
                                 "quobyte",
                                 "rbd",
                                 "scaleIO",
                                 "storageos",
                                 "vsphereVolume"};

/// Go shows maps in the order of their keys.
value sorted(const object& map) {
  const std::map<std::string_view, value> entries = [&] {
    std::map<std::string_view, value> out;
    for (const auto& [key, part] : map) out.emplace(key, part);
    return out;
  }();
  object out;
  for (const auto& [key, part] : entries) out[key] = part;
  return out;
}

void checkSource(const Check& spec, std::string_view kind) {
  const Check source = spec.child(kind);
  if (kind == "hostPath") {
    source.needed("path");
    source.format("path", noBacksteps);
    source.oneOf("type",
                 {"", "BlockDevice", "CharDevice", "Directory", "DirectoryOrCreate", "File", "FileOrCreate", "Socket"});
  } else if (kind == "nfs") {
    checkNfs(source);
  } else if (kind == "csi") {
    source.needed("driver");
    source.needed("volumeHandle");
  } else if (kind == "local") {
    source.needed("path");
    source.format("path", noBacksteps);
  } else if (kind == "iscsi") {
    for (std::string_view key : {"targetPortal", "iqn"}) source.needed(key);
  }
}

void createVolume(const Check& root) {
  Check spec = root.child("spec");
  if (spec.count("accessModes") == 0) spec.required("accessModes");
  checkAccessModes(spec);
  const object* capacity = json::findObject(spec.object(), {"capacity"});
  if (capacity == nullptr || capacity->empty()) spec.required("capacity");
  if (capacity == nullptr || !capacity->contains("storage") || capacity->size() > 1) {
    spec.notSupportedAt(spec.path("capacity"), capacity == nullptr ? value() : sorted(*capacity), {"storage"});
  } else {
    checkPositive(root, "spec.capacity[storage]", json::text(*capacity, {"storage"}));
  }
  spec.oneOf("persistentVolumeReclaimPolicy", {"Delete", "Recycle", "Retain"});
  std::string_view first;
  for (std::string_view kind : kSources) {
    if (!spec.has(kind)) continue;
    if (!first.empty()) {
      spec.forbidden(kind, "may not specify more than 1 volume type");
      continue;
    }
    first = kind;
    checkSource(spec, kind);
  }
  if (spec.has("local") && !spec.has("nodeAffinity")) {
    spec.required("nodeAffinity", "Local volume requires node affinity");
  }
  if (first.empty()) root.add(FieldError::Type::Required, "spec", "Required value: must specify a volume type");
  const Check affinity = spec.child("nodeAffinity");
  Check needed = affinity.child("required");
  if (needed.present()) checkNodeSelector(needed);
  spec.format("storageClassName", dnsSubdomain);
  spec.oneOf("volumeMode", {"Block", "Filesystem"});
}

void updateVolume(const Check& root, const object& old) {
  bool changed = std::ranges::any_of(kSources, [&](std::string_view kind) {
    return !json::equalIgnoringEmpty(json::find(root.object(), {"spec", kind}), json::find(old, {"spec", kind}));
  });
  if (changed) {
    root.add(FieldError::Type::Forbidden, "spec.persistentvolumesource",
             "Forbidden: spec.persistentvolumesource is immutable after creation");
  }
  const value* mode = json::find(root.object(), {"spec", "volumeMode"});
  if (!json::equalIgnoringEmpty(mode, json::find(old, {"spec", "volumeMode"}))) {
    root.invalidAt("volumeMode", mode == nullptr ? value() : *mode, "field is immutable");
  }
  if (json::find(old, {"spec", "nodeAffinity"}) != nullptr) {
    checkImmutable(root, old, {"spec", "nodeAffinity"},
                   "field is immutable, except for updating from beta label to GA");
  }
}

constexpr std::array kStorageRules = {
    KindRules{"PersistentVolumeClaim", createClaim, updateClaim},
    KindRules{"PersistentVolume", createVolume, updateVolume},
};

}  // namespace

std::span<const KindRules> volumeRules() {
  return kStorageRules;
}

}  // namespace slipway::schema
