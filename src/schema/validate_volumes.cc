#include "base/strings.h"
#include "json/document.h"
#include "schema/formats.h"
#include "schema/quantity.h"
#include "schema/validation_kinds.h"

namespace slipway::schema {

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

namespace {

/// In what units a resource may be shown.
void checkDivisor(const Check& ref, std::string_view resource) {
  const std::string_view divisor = ref.text("divisor");
  if (divisor.empty() || divisor == "0") return;
  const bool cpu = resource.ends_with(".cpu");
  constexpr std::array kUnits = {"1", "1k", "1M", "1G", "1T", "1P", "1E", "1Ki", "1Mi", "1Gi", "1Ti", "1Pi", "1Ei"};
  if (cpu ? divisor == "1" || divisor == "1m" : std::ranges::find(kUnits, divisor) != kUnits.end()) return;
  const std::string_view what = resource.ends_with(".memory")             ? "memory"
                                : resource.ends_with("ephemeral-storage") ? "local ephemeral storage"
                                                                          : "hugepages";
  ref.invalidAt(
      ref.path("divisor"), resource,
      cpu ? "only divisor's values 1m and 1 are supported with the cpu resource"
          : fmt::format("only divisor's values {} are supported with the {} resource", fmt::join(kUnits, ", "), what));
}

}  // namespace

void checkResourceRef(const Check& ref) {
  std::string_view resource = ref.text("resource");
  if (resource.empty()) return ref.required("resource");
  for (std::string_view known : {"limits.cpu", "limits.memory", "limits.ephemeral-storage", "requests.cpu",
                                 "requests.memory", "requests.ephemeral-storage"}) {
    if (resource == known) return checkDivisor(ref, resource);
  }
  if (resource.starts_with("limits.hugepages-") || resource.starts_with("requests.hugepages-")) {
    return checkDivisor(ref, resource);
  }
  ref.notSupportedAt(ref.path("resource"), resource,
                     {"limits.cpu", "limits.ephemeral-storage", "limits.memory", "requests.cpu",
                      "requests.ephemeral-storage", "requests.memory"});
}

namespace {

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

/// Two files of one name in a projected volume.
void checkProjectedPaths(const Check& projected, const Check& source, std::set<std::string_view>& paths) {
  for (std::string_view kind : {"secret", "configMap", "downwardAPI"}) {
    const Check part = source.child(kind);
    part.list("items", [&](const Check& item) {
      const std::string_view path = item.text("path");
      if (path.empty() || paths.insert(path).second) return;
      projected.invalidAt(projected.path(), kind == "downwardAPI" ? path : part.text("name"),
                          "conflicting duplicate paths");
    });
  }
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
  } else if (kind == "image") {
    source.needed("reference");
    source.oneOf("pullPolicy", {"Always", "IfNotPresent", "Never"});
  } else if (kind == "csi") {
    source.needed("driver");
  } else if (kind == "ephemeral") {
    if (!source.has("volumeClaimTemplate")) source.required("volumeClaimTemplate");
  } else if (kind == "gitRepo") {
    source.needed("repository");
    source.format("directory", relativePath);
  } else if (kind == "nfs") {
    checkNfs(source);
  } else if (kind == "downwardAPI") {
    checkDownward(source);
  } else if (kind == "projected") {
    std::set<std::string_view> paths;
    source.list("sources", [&](const Check& one) {
      checkProjectedPaths(source, one, paths);
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

}  // namespace

void checkNfs(const Check& source) {
  source.needed("server");
  source.needed("path");
  if (source.text("path").empty() || source.text("path").starts_with('/')) return;
  source.invalid("path", "must be an absolute path");
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
