#include "base/strings.h"
#include "json/compare.h"
#include "json/document.h"
#include "schema/formats.h"
#include "schema/validation_kinds.h"

namespace slipway::schema {
namespace {

using json::object;
using json::value;

constexpr size_t kMostDriverName = 63;

void createStorageClass(const Check& root) {
  if (root.text("provisioner").empty()) {
    root.required("provisioner");
  } else {
    std::string lower = toLower(root.text("provisioner"));
    for (const std::string& problem : qualifiedName(lower)) root.invalidAt("provisioner", value(lower), problem);
  }
  const object* parameters = json::findObject(root.object(), {"parameters"});
  if (parameters != nullptr && parameters->contains("")) root.invalidAt("parameters", "", "field can not be empty.");
  root.oneOf("reclaimPolicy", {"Delete", "Retain"});
  root.oneOf("volumeBindingMode", {"Immediate", "WaitForFirstConsumer"}, true);
  root.list("allowedTopologies", [](const Check& term) {
    std::set<std::string_view> keys;
    term.list("matchLabelExpressions", [&](const Check& expression) {
      expression.needed("values");
      const std::string_view key = expression.text("key");
      for (const std::string& problem : qualifiedName(key)) expression.invalidAt(expression.path("key"), key, problem);
      if (!keys.insert(key).second) expression.duplicateAt(expression.path("key"), key);
    });
  });
}
void updateStorageClass(const Check& root, const object& old) {
  for (std::string_view key : {"parameters", "provisioner", "reclaimPolicy", "volumeBindingMode"}) {
    checkImmutable(root, old, {key});
  }
}

void createDriver(const Check& root) {
  const Check spec = root.child("spec");
  spec.oneOf("fsGroupPolicy", {"File", "None", "ReadWriteOnceWithFSType"});
  std::set<std::string_view> audiences;
  spec.list("tokenRequests", [&](const Check& request) {
    const std::string_view audience = request.text("audience");
    if (!audiences.insert(audience).second) return request.duplicateAt(request.path("audience"), audience);
    if (request.number("expirationSeconds").value_or(600) < 600) {
      request.invalid("expirationSeconds", "may not specify a duration less than 10 minutes");
    }
  });
  spec.strings("volumeLifecycleModes", [&](std::string_view mode, size_t) {
    if (mode == "Persistent" || mode == "Ephemeral") return;
    spec.notSupportedAt(spec.path("volumeLifecycleModes"), mode, {"Persistent", "Ephemeral"});
  });
  if (spec.number("nodeAllocatableUpdatePeriodSeconds").value_or(10) < 10) {
    spec.invalid("nodeAllocatableUpdatePeriodSeconds", "must be greater than or equal to 10 seconds");
  }
}
void updateDriver(const Check& root, const object& old) {
  const value* required = json::find(root.object(), {"spec", "attachRequired"});
  if (json::isTrue(root.object(), {"spec", "attachRequired"}) != json::isTrue(old, {"spec", "attachRequired"})) {
    root.invalidAt("spec.attachedRequired", required == nullptr ? value() : *required, "field is immutable");
  }
  checkImmutable(root, old, {"spec", "volumeLifecycleModes"});
}

void createAttachment(const Check& root) {
  const Check spec = root.child("spec");
  const std::string_view attacher = spec.text("attacher");
  if (attacher.empty()) spec.required("attacher");
  if (attacher.size() > kMostDriverName) {
    spec.add(FieldError::Type::TooLong, "spec.attacher",
             fmt::format("Too long: may not be more than {} bytes", kMostDriverName));
  }
  const std::string lower = toLower(attacher);
  if (!lower.empty() && !dnsSubdomain(lower).empty()) spec.invalidAt("spec.attacher", lower, dnsSubdomain(lower)[0]);
  const Check source = spec.child("source");
  const bool named = source.has("persistentVolumeName"), whole = source.has("inlineVolumeSpec");
  constexpr std::string_view kOne = "must specify exactly one of inlineVolumeSpec and persistentVolumeName";
  if (named == whole && named) spec.forbidden("source", kOne);
  if (named == whole && !named) spec.required("source", kOne);
  const std::string_view volume = source.text("persistentVolumeName"), node = spec.text("nodeName");
  if (named && !whole && volume.empty()) {
    source.required("persistentVolumeName", "must specify non empty persistentVolumeName");
  }
  for (const std::string& problem : dnsSubdomain(node)) spec.invalidAt("spec.nodeName", node, problem);
  if (!named) return;
  for (const std::string& problem : dnsSubdomain(volume)) source.invalid("persistentVolumeName", problem);
}
void updateAttachment(const Check& root, const object& old) {
  const value* now = root.value("spec");
  if (json::equalIgnoringEmpty(now, old.if_contains("spec"))) return;
  const Check spec = root.child("spec");
  const Check source = spec.child("source");
  const value* volume = source.value("persistentVolumeName");
  const object shown = {
      {"Attacher", spec.text("attacher")},
      {"Source", {{"PersistentVolumeName", volume == nullptr ? value() : *volume}, {"InlineVolumeSpec", nullptr}}},
      {"NodeName", spec.text("nodeName")}};
  root.invalidAt("spec", shown, "field is immutable");
}

constexpr std::array kStorageKindsRules = {
    KindRules{"StorageClass", createStorageClass, updateStorageClass},
    KindRules{"CSIDriver", createDriver, updateDriver},
    KindRules{"VolumeAttachment", createAttachment, updateAttachment},
};

}  // namespace

std::span<const KindRules> storageKindRules() {
  return kStorageKindsRules;
}

}  // namespace slipway::schema
