#include <functional>

#include "base/strings.h"
#include "pod/plan.h"

namespace slipway::pod {
namespace {

using Problems = std::vector<std::string>;

void checkContainerSecurity(const kube::Object& container, const std::string& path, Problems& out) {
  const kube::Object& security = kube::child(container, {"securityContext"});
  if (kube::boolean(security, {"privileged"})) out.push_back(path + ".securityContext.privileged: needs root");
  for (const auto& capability : kube::items(security, {"capabilities", "add"})) {
    // kubectl debug asks for it; processes of one user may trace each other without.
    if (capability.is_string() && capability.get_string() == "SYS_PTRACE" && path.starts_with("spec.ephemeral"))
      continue;
    out.push_back(path + ".securityContext.capabilities.add: a user's process has no capabilities to give");
    break;
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
    if (kube::text(kube::objectOf(mount), {"mountPropagation"}) == "Bidirectional") {
      out.push_back(path + ".volumeMounts.mountPropagation: Bidirectional needs a privileged container");
    }
    if (kube::text(kube::objectOf(mount), {"recursiveReadOnly"}) == "Enabled") {
      out.push_back(path + ".volumeMounts.recursiveReadOnly: Enabled cannot be promised, ask for IfPossible");
    }
  }
  for (const auto& entry : kube::items(container, {"ports"})) {
    const int64_t host = kube::integer(kube::objectOf(entry), {"hostPort"});
    if (host != 0 && host != kube::integer(kube::objectOf(entry), {"containerPort"})) {
      out.push_back(fmt::format("{}.ports.hostPort: {} differs from containerPort: containers share the node's network",
                                path, host));
    }
  }
  if (!kube::items(container, {"resources", "claims"}).empty()) {
    out.push_back(path + ".resources.claims: devices come from Slurm, ask for slipway.dev/gres-<name>");
  }
  for (const std::string_view list : {"limits", "requests"}) {
    for (const auto& entry : kube::child(container, {"resources", list})) {
      if (!std::string_view(entry.key()).starts_with("hugepages-")) continue;
      out.push_back(
          fmt::format("{}.resources.{}.{}: Slurm gives out no huge pages", path, list, std::string_view(entry.key())));
    }
  }
  for (const auto& rule : kube::items(container, {"restartPolicyRules"})) {
    const std::string_view action = kube::text(kube::objectOf(rule), {"action"});
    if (action == "Restart") continue;
    out.push_back(fmt::format("{}.restartPolicyRules: {} is not there yet, use Restart", path, action));
  }
}

/// What a volume may be; anything else has to be refused by its name.
constexpr std::string_view kVolumeKinds[] = {"emptyDir",  "configMap",   "secret",
                                             "projected", "nfs",         "hostPath",
                                             "ephemeral", "downwardAPI", "persistentVolumeClaim",
                                             "image"};
constexpr std::string_view kProjections[] = {"configMap", "secret", "downwardAPI", "serviceAccountToken"};

template <size_t N>
bool isOneOf(const std::string_view (&known)[N], std::string_view name) {
  return std::find(std::begin(known), std::end(known), name) != std::end(known);
}

void checkVolume(const kube::Object& volume, Problems& out) {
  const std::string path = fmt::format("spec.volumes[{}]", kube::text(volume, {"name"}));
  for (const auto& entry : volume) {
    const std::string_view kind = entry.key();
    if (kind == "name" || isOneOf(kVolumeKinds, kind)) continue;
    out.push_back(fmt::format("{}.{}: mounting it needs root", path, kind));
  }
  for (const auto& source : kube::items(volume, {"projected", "sources"})) {
    for (const auto& entry : kube::objectOf(source)) {
      if (isOneOf(kProjections, entry.key())) continue;
      out.push_back(fmt::format("{}.projected.sources.{}: not there yet", path, std::string_view(entry.key())));
    }
  }
}

void checkList(const kube::Object& spec, std::string_view list, Problems& out) {
  for (const auto& item : kube::items(spec, {list})) {
    const kube::Object& container = kube::objectOf(item);
    checkContainer(container, fmt::format("spec.{}[{}]", list, kube::text(container, {"name"})), out);
  }
}

Status verdict(const Problems& problems) {
  if (problems.empty()) return {};
  return failure(Code::Invalid, "cannot run without root on Slurm: {}", join(problems, "; "));
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
  for (const auto& volume : kube::items(spec, {"volumes"})) checkVolume(kube::objectOf(volume), problems);
  for (const std::string_view list : {"initContainers", "containers"}) checkList(spec, list, problems);
  return verdict(problems);
}

Status checkEphemeral(const kube::Object& pod) {
  Problems problems;
  checkList(kube::child(pod, {"spec"}), "ephemeralContainers", problems);
  return verdict(problems);
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
    addSource(kube::objectOf(volume));
    for (const auto& source : kube::items(kube::objectOf(volume), {"projected", "sources"}))
      addSource(kube::objectOf(source));
  }
  for (const std::string_view list : {"initContainers", "containers"}) {
    for (const auto& item : kube::items(pod, {"spec", list})) {
      for (const auto& from : kube::items(kube::objectOf(item), {"envFrom"})) {
        add(maps, kube::text(kube::objectOf(from), {"configMapRef", "name"}));
        add(secrets, kube::text(kube::objectOf(from), {"secretRef", "name"}));
      }
      for (const auto& variable : kube::items(kube::objectOf(item), {"env"})) {
        add(maps, kube::text(kube::objectOf(variable), {"valueFrom", "configMapKeyRef", "name"}));
        add(secrets, kube::text(kube::objectOf(variable), {"valueFrom", "secretKeyRef", "name"}));
      }
    }
  }
  for (const auto& secret : kube::items(pod, {"spec", "imagePullSecrets"})) {
    add(secrets, kube::text(kube::objectOf(secret), {"name"}));
  }
  out.config_maps.assign(maps.begin(), maps.end());
  out.secrets.assign(secrets.begin(), secrets.end());
  return out;
}

}  // namespace slipway::pod
