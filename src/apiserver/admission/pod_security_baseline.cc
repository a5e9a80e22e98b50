#include <fmt/format.h>

#include "apiserver/admission/pod_security_checks.h"
#include "base/strings.h"

namespace slipway::apiserver::pod_security {
namespace {

constexpr std::string_view kAppArmorNote = "container.apparmor.security.beta.kubernetes.io/";
constexpr std::string_view kSeccompPodNote = "seccomp.security.alpha.kubernetes.io/pod";
constexpr std::string_view kSeccompNote = "container.seccomp.security.alpha.kubernetes.io/";

constexpr std::string_view kDefaultCapabilities[] = {"AUDIT_WRITE", "CHOWN",  "DAC_OVERRIDE",     "FOWNER",  "FSETID",
                                                     "KILL",        "MKNOD",  "NET_BIND_SERVICE", "SETFCAP", "SETGID",
                                                     "SETPCAP",     "SETUID", "SYS_CHROOT"};

struct SafeSysctl {
  std::string_view name;
  int64_t since;
};
constexpr SafeSysctl kSafeSysctls[] = {
    {"kernel.shm_rmid_forced", 0},
    {"net.ipv4.ip_local_port_range", 0},
    {"net.ipv4.tcp_syncookies", 0},
    {"net.ipv4.ping_group_range", 0},
    {"net.ipv4.ip_unprivileged_port_start", 0},
    {"net.ipv4.ip_local_reserved_ports", 27},
    {"net.ipv4.tcp_keepalive_time", 29},
    {"net.ipv4.tcp_fin_timeout", 29},
    {"net.ipv4.tcp_keepalive_intvl", 29},
    {"net.ipv4.tcp_keepalive_probes", 29},
    {"net.ipv4.tcp_rmem", 32},
    {"net.ipv4.tcp_wmem", 32},
};

/// `key="value"`
std::string annotationText(std::string_view key, std::string_view value) {
  return fmt::format("{}={}", key, json::serialize(json::string(value)));
}

bool isSeLinuxType(std::string_view type, int64_t minor) {
  return type.empty() || type == "container_t" || type == "container_init_t" || type == "container_kvm_t" ||
         (type == "container_engine_t" && minor >= 31);
}

bool isSeccompNote(std::string_view value) {
  return value == "runtime/default" || value == "docker/default" || value.starts_with("localhost/");
}

/// Before seccompProfile was a field.
Finding checkSeccompNotes(const PodView& view) {
  const json::object* notes = json::findObject(view.pod, {"metadata", "annotations"});
  if (notes == nullptr) return {};
  NameSet bad;
  const auto look = [&](const std::string& key) {
    if (!notes->contains(key)) return;
    const std::string_view value = json::text(*notes, {key});
    if (!isSeccompNote(value)) bad.insert(annotationText(key, value));
  };
  look(std::string(kSeccompPodNote));
  for (const json::object* container : view.containers)
    look(fmt::format("{}{}", kSeccompNote, json::text(*container, {"name"})));
  if (bad.empty()) return {};
  return Violation{"seccompProfile", fmt::format("forbidden {} {}", plural(bad.size(), "annotation", "annotations"),
                                                 join(Names(bad.begin(), bad.end()), ", "))};
}

/// The hosts that a container's probes and hooks talk to.
void addHandlerHosts(const json::object& container, NameSet& hosts) {
  const auto look = [&](const json::object* handler) {
    for (const char* how : {"httpGet", "tcpSocket"}) {
      const std::string_view host = handler == nullptr ? "" : json::text(*handler, {how, "host"});
      if (!host.empty()) hosts.emplace(host);
    }
  };
  for (const char* probe : {"livenessProbe", "readinessProbe", "startupProbe"})
    look(json::findObject(container, {probe}));
  for (const char* hook : {"postStart", "preStop"}) look(json::findObject(container, {"lifecycle", hook}));
}

}  // namespace

Finding checkAppArmor(const PodView& view) {
  NameSet types;
  Names who = settersOfOtherProfile(view, "appArmorProfile", types).lines();
  Names values(types.begin(), types.end());
  NameSet notes;
  if (const json::object* all = json::findObject(view.pod, {"metadata", "annotations"})) {
    for (const auto& [key, value] : *all) {
      const std::string_view text = value.is_string() ? std::string_view(value.get_string()) : std::string_view();
      const bool allowed = text.empty() || text == "runtime/default" || text.starts_with("localhost/");
      if (std::string_view(key).starts_with(kAppArmorNote) && !allowed) notes.insert(annotationText(key, text));
    }
  }
  if (!notes.empty()) {
    values.insert(values.end(), notes.begin(), notes.end());
    who.emplace_back(plural(notes.size(), "annotation", "annotations"));
  }
  if (who.empty()) return {};
  return Violation{plural(values.size(), "forbidden AppArmor profile", "forbidden AppArmor profiles"),
                   fmt::format("{} must not set AppArmor profile type to {}", join(who, " and "), quotedNames(values))};
}

Finding checkAddedCapabilities(const PodView& view) {
  NameSet added;
  const Names bad = containersThat(view, [&](const json::object& container) {
    bool is_bad = false;
    const json::array* adds = json::findArray(container, {"securityContext", "capabilities", "add"});
    for (size_t i = 0; adds != nullptr && i < adds->size(); ++i) {
      const std::string_view name = (*adds)[i].as_string();
      if (std::ranges::find(kDefaultCapabilities, name) != std::end(kDefaultCapabilities)) continue;
      is_bad = true;
      added.emplace(name);
    }
    return is_bad;
  });
  if (bad.empty()) return {};
  return Violation{"non-default capabilities", fmt::format("{} must not include {} in securityContext.capabilities.add",
                                                           containersNamed(bad), quotedNames(added))};
}

Finding checkHostNamespaces(const PodView& view) {
  Names shared;
  for (const char* field : {"hostNetwork", "hostPID", "hostIPC"}) {
    if (json::isTrue(view.pod, {"spec", field})) shared.push_back(fmt::format("{}=true", field));
  }
  if (shared.empty()) return {};
  return Violation{"host namespaces", join(shared, ", ")};
}

Finding checkHostPaths(const PodView& view) {
  Names bad;
  const json::array* volumes = json::findArray(view.pod, {"spec", "volumes"});
  for (size_t i = 0; volumes != nullptr && i < volumes->size(); ++i) {
    const json::object& volume = (*volumes)[i].as_object();
    if (json::findObject(volume, {"hostPath"}) != nullptr) bad.emplace_back(json::text(volume, {"name"}));
  }
  if (bad.empty()) return {};
  return Violation{"hostPath volumes", fmt::format("{} {}", plural(bad.size(), "volume", "volumes"), quotedNames(bad))};
}

Finding checkHostPorts(const PodView& view) {
  NameSet ports;
  const Names bad = containersThat(view, [&](const json::object& container) {
    bool is_bad = false;
    const json::array* all = json::findArray(container, {"ports"});
    for (size_t i = 0; all != nullptr && i < all->size(); ++i) {
      const int64_t port = json::findInt((*all)[i].as_object(), {"hostPort"}).value_or(0);
      if (port == 0) continue;
      is_bad = true;
      ports.insert(std::to_string(port));
    }
    return is_bad;
  });
  if (bad.empty()) return {};
  return Violation{"hostPort", fmt::format("{} {} {} {}", containersNamed(bad), plural(bad.size(), "uses", "use"),
                                           plural(ports.size(), "hostPort", "hostPorts"),
                                           join(Names(ports.begin(), ports.end()), ", "))};
}

Finding checkHandlerHosts(const PodView& view) {
  NameSet hosts, bad;
  for (const json::object* container : view.containers) {
    NameSet own;
    addHandlerHosts(*container, own);
    if (!own.empty()) bad.emplace(json::text(*container, {"name"}));
    hosts.merge(own);
  }
  if (bad.empty()) return {};
  return Violation{
      "probe or lifecycle host",
      fmt::format("{} {} {} {}", containersNamed(Names(bad.begin(), bad.end())), plural(bad.size(), "uses", "use"),
                  plural(hosts.size(), "probe or lifecycle host", "probe or lifecycle hosts"), quotedNames(hosts))};
}

Finding checkPrivileged(const PodView& view) {
  const Names bad = containersThat(
      view, [](const json::object& container) { return json::isTrue(container, {"securityContext", "privileged"}); });
  if (bad.empty()) return {};
  return Violation{"privileged", fmt::format("{} must not set securityContext.privileged=true", containersNamed(bad))};
}

Finding checkProcMount(const PodView& view) {
  return view.minor >= 35 && view.hasOwnUsers() ? Finding() : checkProcMountAlways(view);
}

Finding checkSeLinux(const PodView& view) {
  NameSet types;
  bool user = false, role = false;
  const Setters who = settersThat(view, [&](const json::object& context) {
    const json::object* options = json::findObject(context, {"seLinuxOptions"});
    if (options == nullptr) return false;
    const std::string_view type = json::text(*options, {"type"});
    const bool bad_type = !isSeLinuxType(type, view.minor);
    if (bad_type) types.emplace(type);
    const bool has_user = !json::text(*options, {"user"}).empty(), has_role = !json::text(*options, {"role"}).empty();
    user |= has_user;
    role |= has_role;
    return bad_type || has_user || has_role;
  });
  if (who.empty()) return {};
  Names what;
  if (!types.empty()) what.push_back(fmt::format("{} {}", plural(types.size(), "type", "types"), quotedNames(types)));
  if (user) what.emplace_back("user may not be set");
  if (role) what.emplace_back("role may not be set");
  return Violation{"seLinuxOptions",
                   fmt::format("{} set forbidden securityContext.seLinuxOptions: {}", who.str(), join(what, "; "))};
}

Finding checkSeccomp(const PodView& view) {
  if (view.minor < 19) return checkSeccompNotes(view);
  NameSet types;
  const Setters who = settersOfOtherProfile(view, "seccompProfile", types);
  if (who.empty()) return {};
  return Violation{"seccompProfile", fmt::format("{} must not set securityContext.seccompProfile.type to {}", who.str(),
                                                 quotedNames(types))};
}

Finding checkSysctls(const PodView& view) {
  Names bad;
  const json::array* all = json::findArray(view.pod, {"spec", "securityContext", "sysctls"});
  for (size_t i = 0; all != nullptr && i < all->size(); ++i) {
    const std::string_view name = json::text((*all)[i].as_object(), {"name"});
    const bool safe = std::ranges::any_of(
        kSafeSysctls, [&](const SafeSysctl& one) { return one.name == name && view.minor >= one.since; });
    if (!safe) bad.emplace_back(name);
  }
  if (bad.empty()) return {};
  return Violation{"forbidden sysctls", join(bad, ", ")};
}

Finding checkHostProcess(const PodView& view) {
  const Setters who = settersThat(
      view, [](const json::object& context) { return json::isTrue(context, {"windowsOptions", "hostProcess"}); });
  if (who.empty()) return {};
  return Violation{"hostProcess",
                   fmt::format("{} must not set securityContext.windowsOptions.hostProcess=true", who.str())};
}

}  // namespace slipway::apiserver::pod_security
