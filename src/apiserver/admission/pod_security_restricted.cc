#include <fmt/format.h>

#include "apiserver/admission/pod_security_checks.h"
#include "base/strings.h"

namespace slipway::apiserver::pod_security {
namespace {

constexpr const char* kAllowedVolumes[] = {"configMap", "csi",       "downwardAPI",
                                           "emptyDir",  "ephemeral", "image",
                                           "projected", "secret",    "persistentVolumeClaim"};
constexpr const char* kOtherVolumes[] = {"hostPath",
                                         "gcePersistentDisk",
                                         "awsElasticBlockStore",
                                         "gitRepo",
                                         "nfs",
                                         "iscsi",
                                         "glusterfs",
                                         "rbd",
                                         "flexVolume",
                                         "cinder",
                                         "cephfs",
                                         "flocker",
                                         "fc",
                                         "azureFile",
                                         "vsphereVolume",
                                         "quobyte",
                                         "azureDisk",
                                         "photonPersistentDisk",
                                         "portworxVolume",
                                         "scaleIO",
                                         "storageos"};

bool hasSource(const json::object& volume, const char* source) {
  return json::findObject(volume, {source}) != nullptr;
}

/// What the boolean at securityContext.<field> is; nothing when nobody set it.
std::optional<bool> contextFlag(const json::object& container, std::string_view field) {
  const json::value* flag = json::find(container, {"securityContext", field});
  return flag != nullptr && flag->is_bool() ? std::optional(flag->get_bool()) : std::nullopt;
}

}  // namespace

Finding checkEscalation(const PodView& view) {
  // A pod on Windows cannot say it.
  if (view.minor >= 25 && view.onWindows()) return {};
  const Names bad = containersThat(view, [](const json::object& container) {
    return contextFlag(container, "allowPrivilegeEscalation").value_or(true);
  });
  if (bad.empty()) return {};
  return Violation{"allowPrivilegeEscalation != false",
                   fmt::format("{} must set securityContext.allowPrivilegeEscalation=false", containersNamed(bad))};
}

Finding checkDroppedCapabilities(const PodView& view) {
  if (view.minor >= 25 && view.onWindows()) return {};
  NameSet added;
  const Names keeping = containersThat(view, [](const json::object& container) {
    const json::array* drop = json::findArray(container, {"securityContext", "capabilities", "drop"});
    return drop == nullptr || std::ranges::find(*drop, json::value("ALL")) == drop->end();
  });
  const Names adding = containersThat(view, [&](const json::object& container) {
    bool is_bad = false;
    const json::array* adds = json::findArray(container, {"securityContext", "capabilities", "add"});
    for (size_t i = 0; adds != nullptr && i < adds->size(); ++i) {
      const std::string_view name = (*adds)[i].as_string();
      if (name == "NET_BIND_SERVICE") continue;
      is_bad = true;
      added.emplace(name);
    }
    return is_bad;
  });
  Names details;
  if (!keeping.empty())
    details.push_back(fmt::format("{} must set securityContext.capabilities.drop=[\"ALL\"]", containersNamed(keeping)));
  if (!adding.empty()) {
    details.push_back(fmt::format("{} must not include {} in securityContext.capabilities.add", containersNamed(adding),
                                  quotedNames(added)));
  }
  if (details.empty()) return {};
  return Violation{"unrestricted capabilities", join(details, "; ")};
}

Finding checkProcMountAlways(const PodView& view) {
  NameSet types;
  const Names bad = containersThat(view, [&](const json::object& container) {
    const json::value* type = json::find(container, {"securityContext", "procMount"});
    if (type == nullptr || !type->is_string() || type->get_string() == "Default") return false;
    types.emplace(type->get_string());
    return true;
  });
  if (bad.empty()) return {};
  return Violation{"procMount", fmt::format("{} must not set securityContext.procMount to {}", containersNamed(bad),
                                            quotedNames(types))};
}

Finding checkVolumeTypes(const PodView& view) {
  Names bad;
  NameSet types;
  const json::array* volumes = json::findArray(view.pod, {"spec", "volumes"});
  for (size_t i = 0; volumes != nullptr && i < volumes->size(); ++i) {
    const json::object& volume = (*volumes)[i].as_object();
    const auto has = [&](const char* source) { return hasSource(volume, source); };
    if (std::ranges::any_of(kAllowedVolumes, has)) continue;
    const auto* other = std::ranges::find_if(kOtherVolumes, has);
    types.emplace(other == std::end(kOtherVolumes) ? "unknown" : *other);
    bad.emplace_back(json::text(volume, {"name"}));
  }
  if (bad.empty()) return {};
  return Violation{
      "restricted volume types",
      fmt::format("{} {} {} {} {}", plural(bad.size(), "volume", "volumes"), quotedNames(bad),
                  plural(bad.size(), "uses", "use"),
                  plural(types.size(), "restricted volume type", "restricted volume types"), quotedNames(types))};
}

Finding checkNonRoot(const PodView& view) {
  if (view.minor >= 35 && view.hasOwnUsers()) return {};
  const Setters who = settersThat(view, [](const json::object& context) {
    const json::value* flag = json::find(context, {"runAsNonRoot"});
    return flag != nullptr && flag->is_bool() && !flag->get_bool();
  });
  if (!who.empty()) {
    return Violation{"runAsNonRoot != true",
                     fmt::format("{} must not set securityContext.runAsNonRoot=false", who.str())};
  }
  if (json::isTrue(view.pod, {"spec", "securityContext", "runAsNonRoot"})) return {};
  const Names silent = containersThat(
      view, [](const json::object& container) { return !contextFlag(container, "runAsNonRoot").has_value(); });
  if (silent.empty()) return {};
  return Violation{"runAsNonRoot != true",
                   fmt::format("pod or {} must set securityContext.runAsNonRoot=true", containersNamed(silent))};
}

Finding checkUserId(const PodView& view) {
  if (view.minor >= 35 && view.hasOwnUsers()) return {};
  const Setters who = settersThat(
      view, [](const json::object& context) { return json::findInt(context, {"runAsUser"}).value_or(1) == 0; });
  if (who.empty()) return {};
  return Violation{"runAsUser=0", fmt::format("{} must not set runAsUser=0", who.str())};
}

Finding checkSeccompIsSet(const PodView& view) {
  if (view.minor >= 25 && view.onWindows()) return {};
  if (Finding other = checkSeccomp(view)) return other;
  if (json::findObject(view.pod, {"spec", "securityContext", "seccompProfile"}) != nullptr) return {};
  const Names silent = containersThat(view, [](const json::object& container) {
    return json::findObject(container, {"securityContext", "seccompProfile"}) == nullptr;
  });
  if (silent.empty()) return {};
  return Violation{"seccompProfile",
                   fmt::format("pod or {} must set securityContext.seccompProfile.type to \"RuntimeDefault\" or "
                               "\"Localhost\"",
                               containersNamed(silent))};
}

}  // namespace slipway::apiserver::pod_security
