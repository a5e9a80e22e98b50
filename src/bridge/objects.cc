#include "bridge/objects.h"

#include "base/strings.h"

namespace slipway::bridge {

using kube::json::value;

bool covers(const value& have, const value& wanted) {
  if (wanted.is_null()) return have.is_null();
  if (const auto* object = wanted.if_object()) {
    const auto* other = have.if_object();
    if (other == nullptr) return object->empty() && have.is_null();
    return std::all_of(object->begin(), object->end(), [&](const auto& field) {
      const value* found = other->if_contains(field.key());
      if (found != nullptr) return covers(*found, field.value());
      return field.value().is_null() || (field.value().is_object() && field.value().get_object().empty());
    });
  }
  if (const auto* array = wanted.if_array()) {
    const auto* other = have.if_array();
    return other != nullptr && std::equal(other->begin(), other->end(), array->begin(), array->end(), covers);
  }
  return have == wanted;
}

kube::Object mergeDiff(const kube::Object& have, const kube::Object& wanted) {
  kube::Object patch;
  for (const auto& [name, value] : wanted) {
    const auto* old = have.if_contains(name);
    if (old != nullptr && *old == value) continue;
    if (old != nullptr && old->is_object() && value.is_object()) {
      kube::Object inner = mergeDiff(old->get_object(), value.get_object());
      if (!inner.empty()) patch[name] = std::move(inner);
    } else {
      patch[name] = value;
    }
  }
  for (const auto& [name, value] : have) {
    if (!wanted.contains(name)) patch[name] = nullptr;
  }
  return patch;
}

std::string resourceNameOf(const site::v1::Gres& gres) {
  if (gres.name() == "gpu") {
    const std::string type = toLower(gres.type());
    const bool amd =
        type.starts_with("mi") || type.starts_with("amd") || type.starts_with("gfx") || type.starts_with("radeon");
    return amd ? "amd.com/gpu" : "nvidia.com/gpu";
  }
  return "slipway.dev/gres-" + toDnsLabel(gres.name());
}

std::string architectureOf(std::string_view slurm_arch) {
  if (slurm_arch == "x86_64" || slurm_arch.empty()) return "amd64";
  if (slurm_arch == "aarch64") return "arm64";
  return toDnsLabel(slurm_arch);
}

}  // namespace slipway::bridge
