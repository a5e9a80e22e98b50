#include "pod/notes.h"

#include "base/strings.h"
#include "pod/slurm_options.h"

namespace slipway::pod {
namespace {

using Notes = std::vector<std::string>;

void noteSecurity(const kube::Object& security, const std::string& path, Notes& out) {
  const auto field = [&](std::string_view name) { return fmt::format("{}.securityContext.{}", path, name); };
  for (const std::string_view kind : {"seccompProfile", "appArmorProfile"}) {
    if (kube::text(security, {kind, "type"}) != "RuntimeDefault") continue;
    out.push_back(field(kind) + ": RuntimeDefault is the site's own confinement of users' processes, nothing is added");
  }
  if (!kube::child(security, {"seLinuxOptions"}).empty()) {
    out.push_back(field("seLinuxOptions") + ": the label stays that of the user's processes");
  }
}

void noteContainer(const kube::Object& container, const std::string& path, Notes& out) {
  noteSecurity(kube::child(container, {"securityContext"}), path, out);
  for (const auto& mount : kube::items(container, {"volumeMounts"})) {
    if (kube::text(kube::objectOf(mount), {"mountPropagation"}) != "HostToContainer") continue;
    out.push_back(path + ".volumeMounts.mountPropagation: what the node mounts later may not be seen");
  }
  for (const auto& port : kube::items(container, {"ports"})) {
    const std::string_view ip = kube::text(kube::objectOf(port), {"hostIP"});
    if (ip.empty() || ip == "0.0.0.0" || ip == "::") continue;
    out.push_back(path + ".ports.hostIP: the program itself decides where it listens");
  }
  for (const std::string_view list : {"limits", "requests"}) {
    if (!kube::child(container, {"resources", list}).contains("ephemeral-storage")) continue;
    out.push_back(
        fmt::format("{}.resources.{}.ephemeral-storage: Slurm does not account for local disks; "
                    "emptyDir.sizeLimit is enforced",
                    path, list));
  }
}

}  // namespace

std::vector<std::string> notesOn(const kube::Object& pod) {
  Notes out;
  const kube::Object& spec = kube::child(pod, {"spec"});
  constexpr std::string_view kOurs = "slipway.dev/";
  for (const auto& [key, value] : kube::child(pod, {"metadata", "annotations"})) {
    const std::string_view name(key);
    if (!name.starts_with(kOurs) || isKnownAnnotation(name.substr(kOurs.size()))) continue;
    out.push_back(fmt::format("annotation {}: there is none of that name, nothing comes of it", toValidUtf8(name)));
  }
  noteSecurity(kube::child(spec, {"securityContext"}), "spec", out);
  if (!kube::items(spec, {"securityContext", "supplementalGroups"}).empty()) {
    out.emplace_back("spec.securityContext.supplementalGroups: the groups are those of the user at the site");
  }
  if (kube::text(spec, {"securityContext", "supplementalGroupsPolicy"}) == "Strict") {
    out.emplace_back("spec.securityContext.supplementalGroupsPolicy: the groups are those of the user at the site");
  }
  if (!kube::text(spec, {"securityContext", "seLinuxChangePolicy"}).empty()) {
    out.emplace_back("spec.securityContext.seLinuxChangePolicy: labels of volumes are not changed");
  }
  if (!kube::boolean(spec, {"hostUsers"}, true)) {
    out.emplace_back("spec.hostUsers: whether a container is in a user namespace is the runtime's affair");
  }
  for (const std::string_view list : {"initContainers", "containers"}) {
    for (const auto& item : kube::items(spec, {list})) {
      const kube::Object& container = kube::objectOf(item);
      noteContainer(container, fmt::format("spec.{}[{}]", list, kube::text(container, {"name"})), out);
    }
  }
  return out;
}

}  // namespace slipway::pod
