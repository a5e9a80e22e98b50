#include "base/strings.h"
#include "json/document.h"
#include "schema/formats.h"
#include "schema/validation_kinds.h"

namespace slipway::schema {
namespace {

constexpr int64_t kMaxId = INT32_MAX;

void checkPortNumber(const Check& at, std::string_view key) {
  at.between(key, 1, 65535);
}

void checkPortOrName(const Check& at, std::string_view key) {
  const json::value* port = at.value(key);
  if (port != nullptr && port->is_string()) {
    for (const std::string& problem : portName(port->get_string())) at.invalid(key, problem);
  } else if (port == nullptr) {
    at.invalidAt(at.path(key), 0, "must be between 1 and 65535, inclusive");
  } else {
    checkPortNumber(at, key);
  }
}

/// `grace` is the pod's grace period for a lifecycle hook, which may sleep; a probe has none.
void checkHandler(const Check& handler, std::optional<int64_t> grace = std::nullopt) {
  std::string_view first;
  for (std::string_view kind : {"exec", "httpGet", "tcpSocket", "grpc", "sleep"}) {
    Check action = handler.child(kind);
    if (!action.present() || (kind == "sleep" && !grace)) continue;
    if (!first.empty()) {
      handler.forbidden(kind, "may not specify more than 1 handler type");
      continue;
    }
    first = kind;
    if (kind == "exec") action.needed("command");
    if (int64_t seconds = action.number("seconds").value_or(0); kind == "sleep" && (seconds < 0 || seconds > *grace)) {
      handler.invalidAt(action.path(), seconds,
                        fmt::format("must be non-negative and less than terminationGracePeriodSeconds ({})", *grace));
    }
    if (kind == "tcpSocket" || kind == "httpGet") checkPortOrName(action, "port");
    if (kind == "grpc") checkPortNumber(action, "port");
    if (kind == "httpGet") {
      action.needed("path");
      action.oneOf("scheme", {"HTTP", "HTTPS"}, true);
      action.list("httpHeaders", [&](const Check& header) {
        for (const std::string& problem : httpHeaderName(header.text("name"))) {
          action.invalidAt(action.path("httpHeaders"), header.text("name"), problem);
        }
      });
    }
  }
  if (first.empty())
    handler.add(FieldError::Type::Required, handler.path(), "Required value: must specify a handler type");
}

void checkProbe(const Check& container, std::string_view key) {
  Check probe = container.child(key);
  if (!probe.present()) return;
  checkHandler(probe);
  for (std::string_view name :
       {"initialDelaySeconds", "timeoutSeconds", "periodSeconds", "successThreshold", "failureThreshold"}) {
    probe.atLeast(name, 0);
  }
  std::optional<int64_t> grace = probe.number("terminationGracePeriodSeconds");
  if (key == "readinessProbe") {
    if (grace) probe.invalid("terminationGracePeriodSeconds", "must not be set for readinessProbes");
    return;
  }
  if (grace && *grace <= 0) probe.invalid("terminationGracePeriodSeconds", "must be greater than 0");
  if (probe.number("successThreshold").value_or(1) != 1) probe.invalid("successThreshold", "must be 1");
}

void checkKeyRef(const Check& ref) {
  for (const std::string& problem : dnsSubdomain(ref.text("name")))
    ref.invalidAt(ref.path("name"), ref.text("name"), problem);
  if (ref.text("key").empty()) {
    ref.required("key");
  } else {
    ref.format("key", configMapKey);
  }
}

void checkEnv(const Check& container) {
  container.list("env", [](const Check& variable) {
    if (variable.text("name").empty()) {
      variable.required("name");
    } else {
      variable.format("name", envVarName);
    }
    Check from = variable.child("valueFrom");
    if (!from.present()) return;
    int sources = 0;
    for (std::string_view kind : {"fieldRef", "resourceFieldRef", "configMapKeyRef", "secretKeyRef", "fileKeyRef"}) {
      Check source = from.child(kind);
      if (!source.present()) continue;
      ++sources;
      if (kind == "fieldRef") checkFieldRef(source, false);
      if (kind == "resourceFieldRef") checkResourceRef(source);
      if (kind == "configMapKeyRef" || kind == "secretKeyRef") checkKeyRef(source);
    }
    auto wrong = [&](std::string_view detail) { from.invalidAt(from.path(), "", detail); };
    if (sources == 0) {
      wrong("must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`");
    } else if (!variable.text("value").empty()) {
      wrong("may not be specified when `value` is not empty");
    } else if (sources > 1) {
      wrong("may not have more than one field specified at a time");
    }
  });
  container.list("envFrom", [&](const Check& source) {
    source.format("prefix", envVarName);
    int sources = 0;
    for (std::string_view kind : {"configMapRef", "secretRef"}) {
      Check ref = source.child(kind);
      if (!ref.present()) continue;
      ++sources;
      if (ref.text("name").empty()) {
        ref.required("name");
      } else {
        ref.format("name", dnsSubdomain);
      }
    }
    if (sources == 0) {
      container.invalidAt(container.path("envFrom"), "", "must specify one of: `configMapRef` or `secretRef`");
    } else if (sources > 1) {
      container.invalidAt(container.path("envFrom"), "", "may not have more than one field specified at a time");
    }
  });
}

/// How a container starts again by itself.
void checkRestart(const Check& container) {
  container.oneOf("restartPolicy", {"Always", "Never", "OnFailure"});
  if (container.count("restartPolicyRules") > 0 && !container.has("restartPolicy")) {
    container.required("restartPolicy", "must specify restartPolicy when restart rules are used");
  }
  container.list("restartPolicyRules", [](const Check& rule) {
    rule.oneOf("action", {"Restart", "RestartAllContainers"}, true);
    const Check codes = rule.child("exitCodes");
    if (!codes.present()) return rule.required("exitCodes", "must be specified");
    codes.oneOf("operator", {"In", "NotIn"}, true);
  });
}

void checkMounts(const Check& container, const std::set<std::string_view>& volumes) {
  std::set<std::string_view> places;
  container.list("volumeMounts", [&](const Check& mount) {
    std::string_view name = mount.text("name"), place = mount.text("mountPath");
    if (name.empty()) mount.required("name");
    if (!volumes.contains(name)) {
      mount.add(FieldError::Type::NotFound, mount.path("name"), fmt::format("Not found: {:?}", name));
    }
    if (place.empty()) mount.required("mountPath");
    if (!place.empty() && !places.insert(place).second) mount.invalid("mountPath", "must be unique");
    // These two are named without an index by the real server.
    for (const std::string& problem : relativePath(mount.text("subPath"))) {
      mount.invalidAt(container.path("volumeMounts") + ".subPath", mount.text("subPath"), problem);
    }
    if (!mount.text("subPathExpr").empty()) {
      if (!mount.text("subPath").empty())
        mount.invalid("subPathExpr", "subPathExpr and subPath are mutually exclusive");
      for (const std::string& problem : relativePath(mount.text("subPathExpr"))) {
        mount.invalidAt(container.path("volumeMounts") + ".subPathExpr", mount.text("subPathExpr"), problem);
      }
    }
    std::string_view propagation = mount.text("mountPropagation");
    std::string propagation_path = container.path("volumeMounts") + ".mountPropagation";
    const std::string_view recursive = mount.text("recursiveReadOnly");
    const std::string recursive_path = container.path("volumeMounts") + ".recursiveReadOnly";
    if (recursive == "Enabled" || recursive == "IfPossible") {
      const auto forbid = [&](std::string_view words) {
        mount.add(FieldError::Type::Forbidden, recursive_path, fmt::format("Forbidden: {}", words));
      };
      if (!mount.flag("readOnly")) forbid("may only be specified when readOnly is true");
      if (!propagation.empty() && propagation != "None") {
        forbid("may only be specified when mountPropagation is None or not specified");
      }
    } else if (!recursive.empty() && recursive != "Disabled") {
      mount.notSupportedAt(recursive_path, recursive, {"Disabled", "Enabled", "IfPossible"});
    }
    if (propagation == "Bidirectional" && !container.child("securityContext").flag("privileged")) {
      mount.add(FieldError::Type::Forbidden, propagation_path,
                "Forbidden: Bidirectional mount propagation is available only to privileged containers");
    } else if (!propagation.empty() && propagation != "Bidirectional" && propagation != "None" &&
               propagation != "HostToContainer") {
      mount.notSupportedAt(propagation_path, propagation, {"Bidirectional", "HostToContainer", "None"});
    }
  });
}

void checkPorts(const Check& container, bool host_network) {
  std::set<std::string_view> names;
  container.list("ports", [&](const Check& port) {
    std::string_view name = port.text("name");
    Problems problems = name.empty() ? Problems() : portName(name);
    for (const std::string& problem : problems) port.invalid("name", problem);
    if (problems.empty() && !name.empty() && !names.insert(name).second) port.duplicateAt(port.path("name"), name);
    if (port.number("containerPort").value_or(0) == 0) {
      port.required("containerPort");
    } else {
      checkPortNumber(port, "containerPort");
    }
    int64_t host = port.number("hostPort").value_or(0);
    if (host != 0) {
      checkPortNumber(port, "hostPort");
      if (host_network && host != port.number("containerPort").value_or(0)) {
        port.invalid("hostPort", "must match `containerPort` when `hostNetwork` is true");
      }
    }
    port.oneOf("protocol", {"SCTP", "TCP", "UDP"}, true);
  });
}

void checkSecurity(const Check& container) {
  Check security = container.child("securityContext");
  if (!security.present()) return;
  security.between("runAsUser", 0, kMaxId);
  security.between("runAsGroup", 0, kMaxId);
  security.oneOf("procMount", {"Default", "Unmasked"});
  checkProfiles(security);
  const json::value* escalation = security.value("allowPrivilegeEscalation");
  if (security.flag("privileged") && escalation != nullptr && !security.flag("allowPrivilegeEscalation")) {
    container.invalid("securityContext", "cannot set `allowPrivilegeEscalation` to false and `privileged` to true");
  }
}

/// What a container stands in: names of the pod, and what the pod says for all.
struct Around {
  std::set<std::string_view> volumes, claims, names;
  std::string_view restart;
  bool host_network = false;
  int64_t grace = 30;
};

/// What all three kinds of containers have.
void checkCommon(const Check& container, const Around& around) {
  if (container.text("name").empty()) container.required("name");
  container.format("name", dnsLabel);
  std::string_view image = container.text("image");
  if (image.empty()) {
    container.required("image");
  } else if (trim(image).size() != image.size()) {
    container.invalid("image", "must not have leading or trailing whitespace");
  }
  container.oneOf("terminationMessagePolicy", {"File", "FallbackToLogsOnError"}, true);
  checkPorts(container, around.host_network);
  checkEnv(container);
  checkMounts(container, around.volumes);
  container.oneOf("imagePullPolicy", {"Always", "IfNotPresent", "Never"}, true);
  checkResources(container, false, around.claims);
  checkResizePolicy(container, around.restart);
  checkSecurity(container);
}

void checkUnique(const Check& container, std::set<std::string_view>& names) {
  const std::string_view name = container.text("name");
  if (!name.empty() && !names.insert(name).second) container.duplicateAt(container.path("name"), name);
}

void checkHooks(const Check& container, int64_t grace) {
  const Check lifecycle = container.child("lifecycle");
  for (std::string_view hook : {"postStart", "preStop"}) {
    Check handler = lifecycle.child(hook);
    if (handler.present()) checkHandler(handler, grace);
  }
  for (std::string_view key : {"livenessProbe", "readinessProbe", "startupProbe"}) checkProbe(container, key);
}

void checkInitContainer(const Check& container, Around& around) {
  checkCommon(container, around);
  checkRestart(container);
  checkUnique(container, around.names);
  if (container.text("restartPolicy") == "Always") return checkHooks(container, around.grace);
  for (std::string_view key : {"lifecycle", "livenessProbe", "readinessProbe", "startupProbe"}) {
    if (container.has(key)) {
      container.forbidden(key, "may not be set for init containers without restartPolicy=Always");
    }
  }
}

void checkEphemeralContainer(const Check& container, Around& around, const std::set<std::string_view>& others) {
  checkCommon(container, around);
  checkUnique(container, around.names);
  const std::string_view target = container.text("targetContainerName");
  if (!target.empty() && !others.contains(target)) {
    container.add(FieldError::Type::NotFound, container.path("targetContainerName"),
                  fmt::format("Not found: {:?}", target));
  }
  constexpr std::string_view kNot = "cannot be set for an Ephemeral Container";
  for (std::string_view key : {"lifecycle", "livenessProbe", "readinessProbe", "startupProbe", "ports", "resizePolicy",
                               "restartPolicy", "restartPolicyRules"}) {
    if (container.has(key)) container.forbidden(key, kNot);
  }
  if (container.count("resources") > 0) container.forbidden("resources", kNot);
  container.list("volumeMounts", [&](const Check& mount) {
    for (std::string_view key : {"subPath", "subPathExpr"}) {
      if (!mount.text(key).empty()) mount.forbidden(key, kNot);
    }
  });
}

}  // namespace

void checkProfiles(const Check& security) {
  Check seccomp = security.child("seccompProfile");
  if (seccomp.present()) {
    seccomp.oneOf("type", {"Localhost", "RuntimeDefault", "Unconfined"}, true);
    const bool local = seccomp.text("type") == "Localhost";
    if (local && !seccomp.has("localhostProfile")) {
      seccomp.required("localhostProfile", "must be set when seccomp type is Localhost");
    } else if (local) {
      seccomp.format("localhostProfile", relativePath);
    } else if (seccomp.has("localhostProfile")) {
      seccomp.invalid("localhostProfile", "can only be set when seccomp type is Localhost");
    }
  }
  const Check windows = security.child("windowsOptions");
  windows.format("gmsaCredentialSpecName", dnsSubdomain);
  for (std::string_view key : {"gmsaCredentialSpec", "runAsUserName"}) {
    if (!windows.has(key) || !windows.text(key).empty()) continue;
    windows.invalid(key, fmt::format("{} cannot be an empty string", key));
  }
  const Check armor = security.child("appArmorProfile");
  if (!armor.present()) return;
  if (armor.text("type").empty()) armor.required("type", "type is required when appArmorProfile is set");
  armor.oneOf("type", {"Localhost", "RuntimeDefault", "Unconfined"});
  const bool local = armor.text("type") == "Localhost";
  if (local && armor.text("localhostProfile").empty()) {
    armor.required("localhostProfile", "must be set when AppArmor type is Localhost");
  } else if (!local && armor.has("localhostProfile")) {
    armor.invalid("localhostProfile", "can only be set when AppArmor type is Localhost");
  }
}

void checkContainers(const Check& spec, const std::set<std::string_view>& more_volumes) {
  Around around;
  around.volumes.insert(more_volumes.begin(), more_volumes.end());
  spec.list("volumes", [&](const Check& volume) { around.volumes.insert(volume.text("name")); });
  spec.list("resourceClaims", [&](const Check& claim) { around.claims.insert(claim.text("name")); });
  around.restart = spec.text("restartPolicy");
  around.host_network = spec.flag("hostNetwork");
  around.grace = spec.number("terminationGracePeriodSeconds").value_or(30);
  spec.needed("containers");
  spec.list("containers", [&](const Check& container) {
    checkCommon(container, around);
    checkUnique(container, around.names);
    checkHooks(container, around.grace);
    checkRestart(container);
  });
  std::set<std::string> host_ports;
  spec.list("containers", [&](const Check& container) {
    container.list("ports", [&](const Check& port) {
      int64_t host = port.number("hostPort").value_or(0);
      std::string key = fmt::format("{}/{}/{}", port.text("protocol"), port.text("hostIP"), host);
      if (host != 0 && !host_ports.insert(key).second) port.duplicateAt(port.path("hostPort"), key.c_str());
    });
  });
  spec.list("initContainers", [&](const Check& container) { checkInitContainer(container, around); });
  const std::set<std::string_view> others = around.names;
  spec.list("ephemeralContainers", [&](const Check& container) { checkEphemeralContainer(container, around, others); });
}

}  // namespace slipway::schema
