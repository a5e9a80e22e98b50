#include "base/strings.h"
#include "json/compare.h"
#include "json/document.h"
#include "schema/formats.h"
#include "schema/validation_kinds.h"

namespace slipway::schema {
namespace {

/// Words of letters and digits, "-" and "_" within them, between dots or slashes.
bool isSysctlName(std::string_view name) {
  const auto plain = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
  const auto letter = [&](char c) { return plain(c) || c == '-' || c == '_'; };
  const std::string dotted = replaceAll(name, "/", ".");
  const std::vector<std::string_view> words = split(dotted, '.');
  return name.size() <= 253 && std::ranges::all_of(words, [&](std::string_view word) {
           return !word.empty() && plain(word.front()) && plain(word.back()) && std::ranges::all_of(word, letter);
         });
}

using json::object;
using json::value;

void checkPodSecurity(const Check& spec) {
  Check security = spec.child("securityContext");
  for (std::string_view key : {"fsGroup", "runAsUser", "runAsGroup"}) security.between(key, 0, INT32_MAX);
  const value* groups = security.value("supplementalGroups");
  if (groups != nullptr && groups->is_array()) {
    for (size_t i = 0; i < groups->get_array().size(); ++i) {
      const value& group = groups->get_array()[i];
      if (group.is_int64() && (group.get_int64() < 0 || group.get_int64() > INT32_MAX)) {
        security.invalidAt(fmt::format("{}[{}]", security.path("supplementalGroups"), i), group,
                           "must be between 0 and 2147483647, inclusive");
      }
    }
  }
  if (spec.flag("shareProcessNamespace") && spec.flag("hostPID")) {
    security.invalidAt(security.path("shareProcessNamespace"), value(true),
                       "ShareProcessNamespace and HostPID cannot both be enabled");
  }
  std::set<std::string_view> names;
  security.list("sysctls", [&](const Check& sysctl) {
    std::string_view name = sysctl.text("name");
    if (name.empty()) {
      sysctl.required("name");
    } else if (!isSysctlName(name)) {
      sysctl.invalid(
          "name",
          R"(must have at most 253 characters and match regex ^([a-z0-9]([-_a-z0-9]*[a-z0-9])?[\./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?$)");
    } else if (!names.insert(name).second) {
      sysctl.duplicateAt(sysctl.path("name"), name);
    }
  });
  security.oneOf("fsGroupChangePolicy", {"Always", "OnRootMismatch"});
  checkProfiles(security);
  security.oneOf("supplementalGroupsPolicy", {"Merge", "Strict"});
  security.oneOf("seLinuxChangePolicy", {"MountOption", "Recursive"});
}

void checkDnsConfig(const Check& spec) {
  Check config = spec.child("dnsConfig");
  if (spec.text("dnsPolicy") == "None") {
    if (!config.present()) {
      spec.required("dnsConfig", "must provide `dnsConfig` when `dnsPolicy` is None");
      return;
    }
    if (config.count("nameservers") == 0) {
      config.required("nameservers", "must provide at least one DNS nameserver when `dnsPolicy` is None");
    }
  }
  if (config.count("nameservers") > 3) config.invalid("nameservers", "must not have more than 3 nameservers");
  config.strings("nameservers", [&](std::string_view server, size_t index) {
    for (const std::string& problem : ipAddress(server)) {
      config.invalidAt(fmt::format("{}[{}]", config.path("nameservers"), index), server, problem);
    }
  });
  if (config.count("searches") > 32) config.invalid("searches", "must not have more than 32 search paths");
  config.strings("searches", [&](std::string_view search, size_t index) {
    std::string_view name = search.ends_with('.') && search.size() > 1 ? search.substr(0, search.size() - 1) : search;
    for (const std::string& problem : dnsSubdomainUnderscore(name)) {
      config.invalidAt(fmt::format("{}[{}]", config.path("searches"), index), search, problem);
    }
  });
  config.list("options", [](const Check& option) {
    if (option.text("name").empty()) {
      option.add(FieldError::Type::Required, option.path(), "Required value: must not be empty");
    }
  });
}

void checkSpread(const Check& spec) {
  std::map<std::string, std::string> seen;
  spec.list("topologySpreadConstraints", [&](const Check& constraint) {
    if (constraint.number("maxSkew").value_or(0) <= 0) {
      constraint.invalidAt(constraint.path("maxSkew"), constraint.number("maxSkew").value_or(0),
                           "must be greater than zero");
    }
    if (constraint.text("topologyKey").empty()) constraint.required("topologyKey", "can not be empty");
    constraint.oneOf("whenUnsatisfiable", {"DoNotSchedule", "ScheduleAnyway"}, true);
    std::string pair = fmt::format("{{{}, {}}}", constraint.text("topologyKey"), constraint.text("whenUnsatisfiable"));
    // The real server names the earlier of the two.
    auto [first, fresh] = seen.emplace(pair, constraint.path());
    if (!fresh) constraint.duplicateAt(first->second + ".{topologyKey, whenUnsatisfiable}", pair);
    if (const auto domains = constraint.number("minDomains")) {
      if (*domains <= 0) constraint.invalid("minDomains", "must be greater than zero");
      const std::string_view action = constraint.text("whenUnsatisfiable");
      if (action != "DoNotSchedule") {
        constraint.invalid("minDomains",
                           fmt::format("can only use minDomains if whenUnsatisfiable=DoNotSchedule, not {}", action));
      }
    }
    constraint.oneOf("nodeAffinityPolicy", {"Honor", "Ignore"});
    constraint.oneOf("nodeTaintsPolicy", {"Honor", "Ignore"});
    checkSelector(constraint, "labelSelector");
  });
}

void checkClaims(const Check& spec) {
  std::set<std::string_view> names;
  spec.list("resourceClaims", [&](const Check& claim) {
    const std::string_view name = claim.text("name");
    if (name.empty()) claim.required("name");
    if (!name.empty() && !names.insert(name).second) claim.duplicateAt(claim.path("name"), name);
    claim.format("name", dnsLabel);
    const bool named = claim.has("resourceClaimName"), made = claim.has("resourceClaimTemplateName");
    if (named == made) {
      const auto shown = [&](std::string_view key) { return claim.has(key) ? *claim.value(key) : value(); };
      const object whole = {{"Name", name},
                            {"ResourceClaimName", shown("resourceClaimName")},
                            {"ResourceClaimTemplateName", shown("resourceClaimTemplateName")}};
      claim.invalidAt(claim.path(), whole,
                      named ? "at most one of `resourceClaimName` or `resourceClaimTemplateName` may be specified"
                            : "must specify one of: `resourceClaimName`, `resourceClaimTemplateName`");
    }
    claim.format("resourceClaimName", dnsSubdomain);
    claim.format("resourceClaimTemplateName", dnsSubdomain);
  });
}

/// A user namespace of its own goes with no other namespace of the host.
void checkHostUsers(const Check& spec) {
  const value* users = spec.value("hostUsers");
  if (users == nullptr || spec.flag("hostUsers")) return;
  constexpr std::array kFields = {std::pair{"hostNetwork", "hostNetwork"}, std::pair{"hostPID", "HostPID"},
                                  std::pair{"hostIPC", "HostIPC"}};
  for (const auto& [key, shown] : kFields) {
    if (spec.flag(key)) spec.forbidden(shown, "when `hostUsers` is false");
  }
}

void checkWindows(const Check& spec) {
  constexpr std::string_view kNot = "cannot be set for a windows pod";
  const auto refuse = [&](const Check& at, std::initializer_list<std::string_view> keys) {
    for (std::string_view key : keys) {
      if (at.has(key)) at.forbidden(key, kNot);
    }
  };
  const Check security = spec.child("securityContext");
  refuse(security, {"appArmorProfile", "seLinuxOptions"});
  refuse(spec, {"hostUsers"});
  for (std::string_view key : {"hostPID", "hostIPC"}) {
    if (spec.flag(key)) spec.forbidden(key, kNot);
  }
  refuse(security, {"seccompProfile", "fsGroup", "fsGroupChangePolicy", "sysctls"});
  refuse(spec, {"shareProcessNamespace"});
  refuse(security,
         {"runAsUser", "runAsGroup", "supplementalGroups", "supplementalGroupsPolicy", "seLinuxChangePolicy"});
  for (std::string_view list : {"initContainers", "containers", "ephemeralContainers"}) {
    spec.list(list, [&](const Check& container) {
      const Check own = container.child("securityContext");
      refuse(own, {"appArmorProfile", "seLinuxOptions", "seccompProfile", "capabilities", "readOnlyRootFilesystem",
                   "privileged", "allowPrivilegeEscalation", "procMount", "runAsUser", "runAsGroup"});
    });
  }
}

void checkHostAliases(const Check& spec) {
  spec.list("hostAliases", [](const Check& alias) {
    if (!isIp(alias.text("ip"))) {
      alias.invalidAt(alias.path("ip"), alias.text("ip"),
                      "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)");
    }
    alias.strings("hostnames", [&](std::string_view name, size_t index) {
      for (const std::string& problem : dnsSubdomain(name)) {
        alias.invalidAt(fmt::format("{}[{}]", alias.path("hostnames"), index), name, problem);
      }
    });
  });
}

void checkGates(const Check& spec) {
  spec.list("readinessGates", [](const Check& gate) {
    for (const std::string& problem : qualifiedName(gate.text("conditionType"))) gate.invalid("conditionType", problem);
  });
  std::set<std::string_view> gates;
  spec.list("schedulingGates", [&](const Check& gate) {
    std::string_view name = gate.text("name");
    for (const std::string& problem : qualifiedName(name)) gate.invalidAt(gate.path(), name, problem);
    if (!gates.insert(name).second) gate.duplicateAt(gate.path(), name);
  });
}

void checkOverhead(const Check& spec) {
  const value* overhead = spec.value("overhead");
  if (overhead == nullptr || !overhead->is_object()) return;
  for (const auto& [name, part] : overhead->get_object()) {
    if (!part.is_string() || !part.get_string().starts_with('-')) continue;
    spec.invalidAt(fmt::format("{}.limits[{}]", spec.path("overhead"), std::string_view(name)), part,
                   "must be greater than or equal to 0");
  }
}

void createPod(const Check& root) {
  Check spec = root.child("spec");
  checkPodSpec(spec);
  if (spec.count("ephemeralContainers") > 0) spec.forbidden("ephemeralContainers", "cannot be set on create");
}

void createPodTemplate(const Check& root) {
  checkPodTemplate(root.child("template"));
}

constexpr std::array kPodRules = {
    KindRules{"Pod", createPod, checkPodUpdate, When::After, checkPodStatus},
    KindRules{"PodTemplate", createPodTemplate},
};

}  // namespace

void checkTolerations(const Check& spec) {
  spec.list("tolerations", [](const Check& toleration) {
    std::string_view key = toleration.text("key"), word = toleration.text("operator");
    toleration.format("key", qualifiedName);
    if (key.empty() && word != "Exists") {
      toleration.invalid("operator",
                         "operator must be Exists when `key` is empty, which means \"match all values and all keys\"");
    }
    if (toleration.number("tolerationSeconds") && toleration.text("effect") != "NoExecute") {
      toleration.invalid("effect", "effect must be 'NoExecute' when `tolerationSeconds` is set");
    }
    if (word == "Exists" && !toleration.text("value").empty()) {
      toleration.invalidAt(toleration.path("operator"), toleration.text("value"),
                           "value must be empty when `operator` is 'Exists'");
    } else if (word.empty() || word == "Equal") {
      for (const std::string& problem : labelValue(toleration.text("value"))) {
        toleration.invalidAt(toleration.path("operator"), toleration.text("value"), problem);
      }
    } else if (word != "Exists") {
      toleration.notSupportedAt(toleration.path("operator"), word, {"Equal", "Exists"});
    }
    toleration.oneOf("effect", {"NoSchedule", "PreferNoSchedule", "NoExecute"});
  });
}

void checkPodSpec(const Check& spec, const std::set<std::string_view>& more_volumes) {
  checkVolumes(spec);
  checkClaims(spec);
  checkContainers(spec, more_volumes);
  checkPodResources(spec);
  spec.oneOf("restartPolicy", {"Always", "OnFailure", "Never"}, true);
  spec.oneOf("dnsPolicy", {"ClusterFirstWithHostNet", "ClusterFirst", "Default", "None"}, true);
  checkLabels(spec, "nodeSelector");
  checkPodSecurity(spec);
  checkAffinity(spec.child("affinity"));
  checkDnsConfig(spec);
  checkGates(spec);
  checkSpread(spec);
  checkHostUsers(spec);
  spec.format("serviceAccountName", dnsSubdomain);
  spec.format("nodeName", dnsSubdomain);
  spec.between("activeDeadlineSeconds", 1, INT32_MAX);
  spec.format("hostname", dnsLabel);
  spec.format("subdomain", dnsLabel);
  checkTolerations(spec);
  checkHostAliases(spec);
  spec.format("priorityClassName", dnsSubdomain);
  spec.format("runtimeClassName", dnsSubdomain);
  spec.oneOf("preemptionPolicy", {"PreemptLowerPriority", "Never"});
  checkOverhead(spec);
  Check os = spec.child("os");
  const std::string_view system = os.text("name");
  if (os.present() && system.empty()) {
    os.required("name", "os name cannot be empty");
  } else if (system == "windows") {
    checkWindows(spec);
  } else if (os.present() && system != "linux") {
    os.notSupportedAt(os.path(), system, {"linux", "windows"});
  }
}

void checkPodTemplate(const Check& pod_template, const std::set<std::string_view>& more_volumes) {
  // Metadata of a template is named without "metadata" by the real server.
  Check metadata = pod_template.child("metadata");
  checkLabels(metadata, "labels", pod_template.path("labels"));
  checkAnnotations(metadata, "annotations", pod_template.path("annotations"));
  checkPodSpec(pod_template.child("spec"), more_volumes);
}

std::span<const KindRules> podRules() {
  return kPodRules;
}

}  // namespace slipway::schema
