#include "base/strings.h"
#include "json/document.h"
#include "schema/formats.h"
#include "schema/quantity.h"
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

void checkFieldRef(const Check& ref, bool volume) {
  std::string_view path = ref.text("fieldPath");
  if (path.empty()) {
    ref.required("fieldPath");
    return;
  }
  auto subscript = [&](std::string_view map) {
    return path.starts_with(fmt::format("{}['", map)) && path.ends_with("']");
  };
  if (subscript("metadata.labels") || subscript("metadata.annotations")) {
    size_t from = path.find('\'') + 1;
    std::string_view key = path.substr(from, path.size() - from - 2);
    for (const std::string& problem : path.starts_with("metadata.labels") ? qualifiedName(key) : annotationKey(key)) {
      ref.invalidAt(ref.path(), key, problem);
    }
    return;
  }
  constexpr std::array kEverywhere = {"metadata.name", "metadata.namespace", "metadata.uid"};
  constexpr std::array kEnv = {
      "spec.nodeName", "spec.serviceAccountName", "status.hostIP", "status.hostIPs", "status.podIP", "status.podIPs"};
  constexpr std::array kVolume = {"metadata.labels", "metadata.annotations"};
  auto in = [&](const auto& list) { return std::ranges::find(list, path) != list.end(); };
  if (path.ends_with("']")) {
    ref.invalid("fieldPath",
                fmt::format("error converting fieldPath: field label does not support subscript: {}", path));
  } else if (!in(kEverywhere) && !in(kEnv) && !in(kVolume)) {
    ref.invalid("fieldPath", fmt::format("error converting fieldPath: field label not supported: {}", path));
  } else if (volume ? in(kEnv) : in(kVolume)) {
    if (volume) {
      ref.notSupportedAt(
          ref.path("fieldPath"), path,
          {"metadata.annotations", "metadata.labels", "metadata.name", "metadata.namespace", "metadata.uid"});
    } else {
      ref.notSupportedAt(
          ref.path("fieldPath"), path,
          {"metadata.name", "metadata.namespace", "metadata.uid", "spec.nodeName", "spec.serviceAccountName",
           "status.hostIP", "status.hostIPs", "status.podIP", "status.podIPs"});
    }
  }
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

void checkResourceRef(const Check& ref) {
  std::string_view resource = ref.text("resource");
  if (resource.empty()) return ref.required("resource");
  for (std::string_view known : {"limits.cpu", "limits.memory", "limits.ephemeral-storage", "requests.cpu",
                                 "requests.memory", "requests.ephemeral-storage"}) {
    if (resource == known) return;
  }
  if (resource.starts_with("limits.hugepages-") || resource.starts_with("requests.hugepages-")) return;
  ref.notSupportedAt(ref.path("resource"), resource,
                     {"limits.cpu", "limits.ephemeral-storage", "limits.memory", "requests.cpu",
                      "requests.ephemeral-storage", "requests.memory"});
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

bool standardContainerResource(std::string_view name) {
  return name == "cpu" || name == "memory" || name == "ephemeral-storage" || name.starts_with("hugepages-");
}

void checkResourceNames(const Check& resources, std::string_view key) {
  const json::value* list = resources.value(key);
  if (list == nullptr || !list->is_object()) return;
  for (const auto& [name_view, part] : list->get_object()) {
    std::string_view name(name_view);
    std::string path = fmt::format("{}[{}]", resources.path(key), name);
    for (const std::string& problem : qualifiedName(name)) resources.invalidAt(path, name, problem);
    bool qualified = name.find('/') != std::string_view::npos;
    if (!qualified && !standardContainerResource(name)) {
      if (name != "storage" && name != "pods") {
        resources.invalidAt(path, name, "must be a standard resource type or fully qualified");
      }
      resources.invalidAt(path, name, "must be a standard resource for containers");
    }
    Result<Quantity> quantity = Quantity::parse(part.is_string() ? std::string_view(part.get_string()) : "");
    if (!quantity) continue;
    if (quantity->sign() < 0) resources.invalidAt(path, part, "must be greater than or equal to 0");
    if (qualified && !quantity->isInteger()) resources.invalidAt(path, part, "must be an integer");
  }
}

void checkResources(const Check& container) {
  Check resources = container.child("resources");
  if (!resources.present()) return;
  checkResourceNames(resources, "limits");
  checkResourceNames(resources, "requests");
  const json::object* limits = json::findObject(resources.object(), {"limits"});
  const json::object* requests = json::findObject(resources.object(), {"requests"});
  if (requests == nullptr) return;
  for (const auto& [name_view, part] : *requests) {
    std::string_view name(name_view);
    bool overcommits = name == "cpu" || name == "memory" || name == "ephemeral-storage";
    std::string_view limit = limits == nullptr ? "" : json::text(*limits, {name});
    if (limit.empty()) {
      if (!overcommits && name.find('/') != std::string_view::npos) {
        resources.required("limits", "Limit must be set for non overcommitable resources");
      }
      continue;
    }
    Result<Quantity> wanted = Quantity::parse(part.is_string() ? std::string_view(part.get_string()) : "");
    Result<Quantity> most = Quantity::parse(limit);
    if (!wanted || !most) continue;
    std::string path = resources.path("requests");
    if (!overcommits && *wanted != *most) {
      resources.invalidAt(path, part, fmt::format("must be equal to {} limit of {}", name, limit));
    } else if (*wanted > *most) {
      resources.invalidAt(path, part, fmt::format("must be less than or equal to {} limit of {}", name, limit));
    }
  }
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
  Check seccomp = security.child("seccompProfile");
  if (seccomp.present()) {
    seccomp.oneOf("type", {"Localhost", "RuntimeDefault", "Unconfined"}, true);
    if (seccomp.text("type") == "Localhost" && seccomp.text("localhostProfile").empty()) {
      seccomp.required("localhostProfile", "must be set when seccomp type is Localhost");
    }
  }
  const json::value* escalation = security.value("allowPrivilegeEscalation");
  if (security.flag("privileged") && escalation != nullptr && !security.flag("allowPrivilegeEscalation")) {
    container.invalid("securityContext", "cannot set `allowPrivilegeEscalation` to false and `privileged` to true");
  }
}

struct Around {
  std::set<std::string_view> volumes;
  std::set<std::string_view>& names;
  bool host_network;
  bool init;
  int64_t grace;
};

void checkContainer(const Check& container, const Around& around) {
  std::string_view name = container.text("name");
  if (name.empty()) {
    container.required("name");
  } else {
    container.format("name", dnsLabel);
    if (!around.names.insert(name).second) container.duplicateAt(container.path("name"), name);
  }
  std::string_view image = container.text("image");
  if (image.empty()) {
    container.required("image");
  } else if (trim(image).size() != image.size()) {
    container.invalid("image", "must not have leading or trailing whitespace");
  }
  bool sidecar = container.text("restartPolicy") == "Always";
  if (around.init && !sidecar) {
    for (std::string_view key : {"lifecycle", "livenessProbe", "readinessProbe", "startupProbe"}) {
      if (container.has(key)) {
        container.forbidden(key, "may not be set for init containers without restartPolicy=Always");
      }
    }
  } else {
    for (std::string_view hook : {"postStart", "preStop"}) {
      Check handler = container.child("lifecycle").child(hook);
      if (handler.present()) checkHandler(handler, around.grace);
    }
    for (std::string_view key : {"livenessProbe", "readinessProbe", "startupProbe"}) checkProbe(container, key);
  }
  container.oneOf("terminationMessagePolicy", {"File", "FallbackToLogsOnError"});
  checkPorts(container, around.host_network);
  checkEnv(container);
  checkMounts(container, around.volumes);
  container.oneOf("imagePullPolicy", {"Always", "IfNotPresent", "Never"}, true);
  checkResources(container);
  checkSecurity(container);
}

}  // namespace

void checkContainers(const Check& spec) {
  std::set<std::string_view> volumes, names;
  spec.list("volumes", [&](const Check& volume) { volumes.insert(volume.text("name")); });
  bool host_network = spec.flag("hostNetwork");
  int64_t grace = spec.number("terminationGracePeriodSeconds").value_or(30);
  spec.needed("containers");
  spec.list("containers",
            [&](const Check& container) { checkContainer(container, {volumes, names, host_network, false, grace}); });
  std::set<std::string> host_ports;
  spec.list("containers", [&](const Check& container) {
    container.list("ports", [&](const Check& port) {
      int64_t host = port.number("hostPort").value_or(0);
      std::string key = fmt::format("{}/{}/{}", port.text("protocol"), port.text("hostIP"), host);
      if (host != 0 && !host_ports.insert(key).second) port.duplicateAt(port.path("hostPort"), key.c_str());
    });
  });
  spec.list("initContainers",
            [&](const Check& container) { checkContainer(container, {volumes, names, host_network, true, grace}); });
}

void checkVolumeItems(const Check& source) {
  source.between("defaultMode", INT64_MIN, INT64_MAX);
  if (int64_t mode = source.number("defaultMode").value_or(0); mode < 0 || mode > 0777) {
    source.invalid("defaultMode", "must be a number between 0 and 0777 (octal), both inclusive");
  }
  source.list("items", [](const Check& item) {
    item.needed("key");
    item.needed("path");
    item.format("path", relativePath);
    if (int64_t mode = item.number("mode").value_or(0); mode < 0 || mode > 0777) {
      item.invalid("mode", "must be a number between 0 and 0777 (octal), both inclusive");
    }
  });
}

void checkDownward(const Check& source) {
  source.list("items", [&](const Check& item) {
    // Named without an index by the real server.
    auto at = [&](std::string_view key) { return fmt::format("{}.{}", source.path(), key); };
    if (item.text("path").empty()) {
      item.add(FieldError::Type::Required, at("path"), "Required value");
    }
    for (const std::string& problem : relativePath(item.text("path")))
      item.invalidAt(at("path"), item.text("path"), problem);
    Check field = item.child("fieldRef");
    if (field.present()) {
      FieldErrors found;
      Check alone(found, field.object());
      checkFieldRef(alone, true);
      for (FieldError& error : found) item.add(error.type, at("fieldRef." + error.field), std::move(error.detail));
    } else if (item.child("resourceFieldRef").present()) {
      checkResourceRef(item.child("resourceFieldRef"));
    } else {
      item.add(FieldError::Type::Required, source.path(),
               "Required value: one of fieldRef and resourceFieldRef is required");
    }
  });
}

void checkVolumeSource(const Check& volume, std::string_view kind) {
  Check source = volume.child(kind);
  if (kind == "hostPath") {
    source.needed("path");
    source.format("path", noBacksteps);
    source.oneOf("type",
                 {"", "BlockDevice", "CharDevice", "Directory", "DirectoryOrCreate", "File", "FileOrCreate", "Socket"});
  } else if (kind == "emptyDir") {
    Result<Quantity> limit = Quantity::parse(source.text("sizeLimit"));
    if (limit && limit->sign() < 0) source.forbidden("sizeLimit", "SizeLimit field must be a valid resource quantity");
  } else if (kind == "secret" || kind == "configMap") {
    source.needed(kind == "secret" ? "secretName" : "name");
    checkVolumeItems(source);
  } else if (kind == "persistentVolumeClaim") {
    source.needed("claimName");
  } else if (kind == "nfs") {
    source.needed("server");
    source.needed("path");
    if (!source.text("path").empty() && !source.text("path").starts_with('/')) {
      source.invalid("path", "must be an absolute path");
    }
  } else if (kind == "downwardAPI") {
    checkDownward(source);
  } else if (kind == "projected") {
    source.list("sources", [&](const Check& one) {
      for (std::string_view part : {"secret", "configMap"}) {
        Check projection = one.child(part);
        if (!projection.present()) continue;
        projection.needed("name");
        checkVolumeItems(projection);
      }
      if (one.child("downwardAPI").present()) checkDownward(one.child("downwardAPI"));
      Check token = one.child("serviceAccountToken");
      if (!token.present()) return;
      int64_t seconds = token.number("expirationSeconds").value_or(3600);
      if (seconds < 600) token.invalid("expirationSeconds", "may not specify a duration less than 10 minutes");
      if (seconds > int64_t{1} << 32)
        token.invalid("expirationSeconds", "may not specify a duration larger than 2^32 seconds");
      if (token.text("path").empty()) source.required("path");
      for (const std::string& problem : relativePath(token.text("path"))) {
        source.invalidAt(source.path("path"), token.text("path"), problem);
      }
    });
  }
}

void checkVolumes(const Check& spec) {
  std::set<std::string_view> names;
  spec.list("volumes", [&](const Check& volume) {
    std::string_view name = volume.text("name");
    if (name.empty()) {
      volume.required("name");
    } else {
      volume.format("name", dnsLabel);
    }
    if (!name.empty() && !names.insert(name).second) volume.duplicateAt(volume.path("name"), name);
    // In the order in which the real server looks at them, so that the same one counts as the second.
    std::string_view first;
    for (std::string_view kind : {"emptyDir",
                                  "hostPath",
                                  "gitRepo",
                                  "gcePersistentDisk",
                                  "awsElasticBlockStore",
                                  "secret",
                                  "nfs",
                                  "iscsi",
                                  "glusterfs",
                                  "flocker",
                                  "persistentVolumeClaim",
                                  "rbd",
                                  "cinder",
                                  "cephfs",
                                  "quobyte",
                                  "downwardAPI",
                                  "fc",
                                  "configMap",
                                  "flexVolume",
                                  "azureFile",
                                  "vsphereVolume",
                                  "photonPersistentDisk",
                                  "portworxVolume",
                                  "azureDisk",
                                  "storageos",
                                  "projected",
                                  "scaleIO",
                                  "csi",
                                  "ephemeral",
                                  "image"}) {
      if (!volume.has(kind)) continue;
      if (!first.empty()) {
        volume.forbidden(kind, "may not specify more than 1 volume type");
        continue;
      }
      first = kind;
      checkVolumeSource(volume, kind);
    }
    if (first.empty()) {
      volume.add(FieldError::Type::Required, volume.path(), "Required value: must specify a volume type");
    }
  });
}

}  // namespace slipway::schema
