#include <functional>

#include "base/strings.h"
#include "pod/plan.h"

namespace slipway::pod {
namespace {

using Problems = std::vector<std::string>;

void checkContainerSecurity(const kube::Object& container, const std::string& path, Problems& out) {
  const kube::Object& security = kube::child(container, {"securityContext"});
  if (kube::boolean(security, {"privileged"})) out.push_back(path + ".securityContext.privileged: needs root");
  if (!kube::items(security, {"capabilities", "add"}).empty()) {
    out.push_back(path + ".securityContext.capabilities.add: a user's process has no capabilities to give");
  }
  if (kube::text(security, {"procMount"}) == "Unmasked") {
    out.push_back(path + ".securityContext.procMount: Unmasked needs root");
  }
}

void checkProfiles(const kube::Object& security, const std::string& path, Problems& out) {
  for (const std::string_view kind : {"seccompProfile", "appArmorProfile"}) {
    if (kube::text(security, {kind, "type"}) == "Localhost") {
      out.push_back(fmt::format("{}.securityContext.{}: a profile of the node cannot be loaded by a user", path, kind));
    }
  }
  if (!kube::child(security, {"windowsOptions"}).empty()) {
    out.push_back(path + ".securityContext.windowsOptions: compute nodes run Linux");
  }
}

void checkContainer(const kube::Object& container, const std::string& path, Problems& out) {
  checkContainerSecurity(container, path, out);
  checkProfiles(kube::child(container, {"securityContext"}), path, out);
  if (!kube::items(container, {"volumeDevices"}).empty())
    out.push_back(path + ".volumeDevices: raw block devices need root");
  for (const auto& mount : kube::items(container, {"volumeMounts"})) {
    if (kube::text(mount.get_object(), {"mountPropagation"}) == "Bidirectional") {
      out.push_back(path + ".volumeMounts.mountPropagation: Bidirectional needs a privileged container");
    }
  }
  for (const auto& entry : kube::items(container, {"ports"})) {
    const int64_t host = kube::integer(entry.get_object(), {"hostPort"});
    if (host != 0 && host != kube::integer(entry.get_object(), {"containerPort"})) {
      out.push_back(fmt::format("{}.ports.hostPort: {} differs from containerPort: containers share the node's network",
                                path, host));
    }
  }
  if (!kube::items(container, {"resources", "claims"}).empty()) {
    out.push_back(path + ".resources.claims: devices come from Slurm, ask for slipway.dev/gres-<name>");
  }
}

}  // namespace

Status checkSupported(const kube::Object& pod) {
  Problems problems;
  const kube::Object& spec = kube::child(pod, {"spec"});
  if (kube::boolean(spec, {"hostPID"}))
    problems.emplace_back("spec.hostPID: processes of other users' jobs are not a pod's business");
  if (kube::text(spec, {"os", "name"}) == "windows") problems.emplace_back("spec.os.name: compute nodes run Linux");
  if (!kube::items(spec, {"securityContext", "sysctls"}).empty()) {
    problems.emplace_back("spec.securityContext.sysctls: need a network namespace of their own");
  }
  if (!kube::items(spec, {"resourceClaims"}).empty()) {
    problems.emplace_back("spec.resourceClaims: devices come from Slurm, ask for slipway.dev/gres-<name>");
  }
  checkProfiles(kube::child(spec, {"securityContext"}), "spec", problems);
  for (const std::string_view list : {"initContainers", "containers"}) {
    for (const auto& item : kube::items(spec, {list})) {
      const kube::Object& container = item.get_object();
      checkContainer(container, fmt::format("spec.{}[{}]", list, kube::text(container, {"name"})), problems);
    }
  }
  if (problems.empty()) return {};
  return failure(Code::Invalid, "cannot run without root on Slurm: {}", join(problems, "; "));
}

PlanReferences referencesOf(const kube::Object& pod) {
  std::set<std::string> maps;
  std::set<std::string> secrets;
  PlanReferences out;
  const auto add = [](std::set<std::string>& to, std::string_view name) {
    if (!name.empty()) to.emplace(name);
  };
  const auto addSource = [&](const kube::Object& source) {
    add(maps, kube::text(source, {"configMap", "name"}));
    add(secrets, kube::text(source, {"secret", "name"}));
    add(secrets, kube::text(source, {"secret", "secretName"}));
    if (const auto& token = kube::child(source, {"serviceAccountToken"}); !token.empty()) {
      const int64_t seconds = kube::integer(token, {"expirationSeconds"}, 3600);
      if (out.shortest_token_seconds == 0 || seconds < out.shortest_token_seconds) out.shortest_token_seconds = seconds;
    }
  };
  for (const auto& volume : kube::items(pod, {"spec", "volumes"})) {
    addSource(volume.get_object());
    for (const auto& source : kube::items(volume.get_object(), {"projected", "sources"}))
      addSource(source.get_object());
  }
  for (const std::string_view list : {"initContainers", "containers"}) {
    for (const auto& item : kube::items(pod, {"spec", list})) {
      for (const auto& from : kube::items(item.get_object(), {"envFrom"})) {
        add(maps, kube::text(from.get_object(), {"configMapRef", "name"}));
        add(secrets, kube::text(from.get_object(), {"secretRef", "name"}));
      }
      for (const auto& variable : kube::items(item.get_object(), {"env"})) {
        add(maps, kube::text(variable.get_object(), {"valueFrom", "configMapKeyRef", "name"}));
        add(secrets, kube::text(variable.get_object(), {"valueFrom", "secretKeyRef", "name"}));
      }
    }
  }
  for (const auto& secret : kube::items(pod, {"spec", "imagePullSecrets"})) {
    add(secrets, kube::text(secret.get_object(), {"name"}));
  }
  out.config_maps.assign(maps.begin(), maps.end());
  out.secrets.assign(secrets.begin(), secrets.end());
  return out;
}

}  // namespace slipway::pod
