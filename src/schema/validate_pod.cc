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
  Check seccomp = security.child("seccompProfile");
  if (seccomp.present()) seccomp.oneOf("type", {"Localhost", "RuntimeDefault", "Unconfined"}, true);
}

void checkDns(const Check& spec) {
  spec.oneOf("dnsPolicy", {"ClusterFirstWithHostNet", "ClusterFirst", "Default", "None"}, true);
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
    checkSelector(constraint, "labelSelector");
  });
}

void checkNames(const Check& spec) {
  spec.format("serviceAccountName", dnsSubdomain);
  spec.format("nodeName", dnsSubdomain);
  spec.format("hostname", dnsLabel);
  spec.format("subdomain", dnsLabel);
  spec.format("priorityClassName", dnsSubdomain);
  spec.format("runtimeClassName", dnsSubdomain);
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
  std::set<std::string_view> gates;
  spec.list("schedulingGates", [&](const Check& gate) {
    std::string_view name = gate.text("name");
    for (const std::string& problem : qualifiedName(name)) gate.invalidAt(gate.path(), name, problem);
    if (!gates.insert(name).second) gate.duplicateAt(gate.path(), name);
  });
  spec.list("readinessGates", [](const Check& gate) {
    for (const std::string& problem : qualifiedName(gate.text("conditionType"))) gate.invalid("conditionType", problem);
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

/// The old pod with everything that may change taken from the new one: what still differs was not allowed to change.
object withAllowedChanges(object old_spec, const object& spec, bool gated) {
  for (std::string_view list : {"containers", "initContainers"}) {
    json::array* before = json::findArray(old_spec, {list});
    const json::array* after = json::findArray(spec, {list});
    for (size_t i = 0; before != nullptr && after != nullptr && i < before->size() && i < after->size(); ++i) {
      if ((*before)[i].is_object() && (*after)[i].is_object()) {
        (*before)[i].get_object()["image"] = json::text((*after)[i].get_object(), {"image"});
      }
    }
  }
  auto take = [&](std::string_view key) {
    const value* now = spec.if_contains(key);
    if (now == nullptr) {
      json::removeKey(old_spec, key);
    } else {
      old_spec[key] = *now;
    }
  };
  for (std::string_view key : {"activeDeadlineSeconds", "tolerations", "schedulingGates"}) take(key);
  int64_t grace = json::findInt(old_spec, {"terminationGracePeriodSeconds"}).value_or(0);
  if (grace < 0 && json::findInt(spec, {"terminationGracePeriodSeconds"}) == 1) take("terminationGracePeriodSeconds");
  if (gated) {
    take("nodeSelector");
    take("affinity");
  }
  return old_spec;
}

void checkTolerationChanges(const Check& spec, const object& old_spec) {
  const json::array* before = json::findArray(old_spec, {"tolerations"});
  const json::array* after = json::findArray(spec.object(), {"tolerations"});
  auto without_seconds = [](const value& toleration) {
    object out = toleration.is_object() ? toleration.get_object() : object();
    json::removeKey(out, "tolerationSeconds");
    return out;
  };
  for (size_t i = 0; before != nullptr && i < before->size(); ++i) {
    bool kept = after != nullptr && std::ranges::any_of(*after, [&](const value& one) {
                  return json::equalIgnoringEmpty(without_seconds(one), without_seconds((*before)[i]));
                });
    if (kept) continue;
    spec.forbidden("tolerations", "existing toleration can not be modified except its tolerationSeconds");
    return;
  }
}

void updatePod(const Check& root, const object& old) {
  Check spec = root.child("spec");
  const object* old_spec = json::findObject(old, {"spec"});
  if (old_spec == nullptr) return;
  for (std::string_view list : {"containers", "initContainers"}) {
    const json::array* before = json::findArray(*old_spec, {list});
    size_t count = before == nullptr ? 0 : before->size();
    if (spec.count(list) == count) continue;
    spec.forbidden(list, list == "containers" ? "pod updates may not add or remove containers"
                                              : "pod updates may not add or remove init containers");
    return;
  }
  std::optional<int64_t> deadline = spec.number("activeDeadlineSeconds");
  std::optional<int64_t> old_deadline = json::findInt(*old_spec, {"activeDeadlineSeconds"});
  if (deadline && old_deadline && *deadline > *old_deadline) {
    spec.invalid("activeDeadlineSeconds", fmt::format("must be less than or equal to previous value"));
    return;
  }
  if (!deadline && old_deadline) {
    spec.invalidAt(spec.path("activeDeadlineSeconds"), value(), "must not update from a positive integer to nil value");
  }
  checkTolerationChanges(spec, *old_spec);
  const json::array* old_gates = json::findArray(*old_spec, {"schedulingGates"});
  spec.list("schedulingGates", [&](const Check& gate) {
    bool known = old_gates != nullptr && std::ranges::any_of(*old_gates, [&](const value& one) {
                   return one.is_object() && json::text(one.get_object(), {"name"}) == gate.text("name");
                 });
    if (!known) {
      gate.forbidden("name",
                     fmt::format("only deletion is allowed, but found new scheduling gate '{}'", gate.text("name")));
    }
  });
  bool gated = old_gates != nullptr && !old_gates->empty();
  object allowed = withAllowedChanges(*old_spec, spec.object(), gated);
  if (json::equalIgnoringEmpty(value(spec.object()), value(std::move(allowed)))) return;
  spec.add(FieldError::Type::Forbidden, "spec",
           "Forbidden: pod updates may not change fields other than `spec.containers[*].image`,"
           "`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing "
           "tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)");
}

void createPodTemplate(const Check& root) {
  checkPodTemplate(root.child("template"));
}

constexpr std::array kRules = {
    KindRules{"Pod", createPod, updatePod},
    KindRules{"PodTemplate", createPodTemplate},
};

}  // namespace

void checkPodSpec(const Check& spec) {
  checkVolumes(spec);
  checkContainers(spec);
  spec.oneOf("restartPolicy", {"Always", "OnFailure", "Never"}, true);
  checkDns(spec);
  spec.between("activeDeadlineSeconds", 1, INT32_MAX);
  checkNames(spec);
  checkLabels(spec, "nodeSelector");
  checkPodSecurity(spec);
  checkAffinity(spec.child("affinity"));
  checkTolerations(spec);
  checkGates(spec);
  checkSpread(spec);
  checkOverhead(spec);
  spec.oneOf("preemptionPolicy", {"PreemptLowerPriority", "Never"});
  Check os = spec.child("os");
  if (os.present() && os.text("name") != "linux" && os.text("name") != "windows") {
    if (os.text("name").empty()) {
      os.required("name", "os name cannot be empty");
    } else {
      os.notSupportedAt(os.path(), os.text("name"), {"linux", "windows"});
    }
  }
}

void checkPodTemplate(const Check& pod_template) {
  // Metadata of a template is named without "metadata" by the real server.
  Check metadata = pod_template.child("metadata");
  checkLabels(metadata, "labels", pod_template.path("labels"));
  checkAnnotations(metadata, "annotations", pod_template.path("annotations"));
  checkPodSpec(pod_template.child("spec"));
}

std::span<const KindRules> podRules() {
  return kRules;
}

}  // namespace slipway::schema
