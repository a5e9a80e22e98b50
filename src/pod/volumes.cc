#include "pod/volumes.h"

#include "base/strings.h"
#include "pod/fields.h"
#include "pod/resources.h"

namespace slipway::pod {
namespace {

constexpr int64_t kDefaultMode = 0644;
constexpr int64_t kTokenSeconds = 3600;

/// One volume being resolved; refers to buildPlan()'s frame.
struct Scope {
  const kube::Object& pod;
  References& references;
  const PlanOptions& options;
  std::string name;

  Error about(const Error& error) const { return error.wrap(fmt::format("volume {}", name)); }
};

Status addFile(site::v1::Files& files, std::string_view path, std::string contents, int64_t mode) {
  if (!staysInside(path)) return failure(Code::Invalid, "path \"{}\" leaves the volume", path);
  auto* file = files.add_files();
  file->set_path(std::string(path));
  file->set_contents(std::move(contents));
  file->set_mode(static_cast<uint32_t>(mode));
  return {};
}

/// Keys of a ConfigMap or Secret, all or those of `items`, as files.
Status addData(site::v1::Files& files, const kube::Object& source, const std::map<std::string, std::string>& data,
               std::string_view kind, int64_t mode) {
  const auto& items = kube::items(source, {"items"});
  if (items.empty()) {
    for (const auto& [key, contents] : data) TRY_STATUS(addFile(files, key, contents, mode));
    return {};
  }
  for (const auto& entry : items) {
    const kube::Object& item = kube::objectOf(entry);
    const auto found = data.find(std::string(kube::text(item, {"key"})));
    if (found == data.end()) {
      if (kube::boolean(source, {"optional"})) continue;
      return failure(Code::NotFound, "{} references non-existent key: {}", kind, kube::text(item, {"key"}));
    }
    TRY_STATUS(addFile(files, kube::text(item, {"path"}), found->second, kube::integer(item, {"mode"}, mode)));
  }
  return {};
}

Task<Status> addReferred(const Scope& scope, const kube::Object& source, bool secret, std::string name, int64_t mode,
                         site::v1::Files& files) {
  auto object = secret ? co_await scope.references.secret(name) : co_await scope.references.configMap(name);
  if (!object && object.error().is(Code::NotFound) && kube::boolean(source, {"optional"})) co_return Status();
  if (!object) co_return failure(object.error());
  CO_TRY(const auto data, dataOf(*object));
  co_return addData(files, source, data, secret ? "secret" : "configmap", mode);
}

Status addDownward(const Scope& scope, const kube::Object& source, int64_t mode, site::v1::Files& files) {
  for (const auto& entry : kube::items(source, {"items"})) {
    const kube::Object& item = kube::objectOf(entry);
    Result<std::string> value;
    if (const auto& field = kube::child(item, {"fieldRef"}); !field.empty()) {
      const std::string_view path = kube::text(field, {"fieldPath"});
      value = isJobField(path) ? failure(Code::Invalid, "fieldPath {} is not for volumes", path)
                               : fieldValue(scope.pod, path);
    } else {
      value = resourceFieldValue(scope.pod, kube::child(item, {"resourceFieldRef"}), "", scope.options.node);
    }
    if (!value) return failure(value.error());
    TRY_STATUS(addFile(files, kube::text(item, {"path"}), std::move(*value), kube::integer(item, {"mode"}, mode)));
  }
  return {};
}

Task<Status> addToken(const Scope& scope, const kube::Object& source, int64_t mode, site::v1::Files& files) {
  const std::string_view named = kube::text(scope.pod, {"spec", "serviceAccountName"});
  auto token = co_await scope.references.source().serviceAccountToken(
      scope.references.ns(), std::string(named.empty() ? "default" : named), std::string(kube::name(scope.pod)),
      std::string(kube::uid(scope.pod)), std::string(kube::text(source, {"audience"})),
      kube::integer(source, {"expirationSeconds"}, kTokenSeconds));
  if (!token) co_return failure(token.error());
  co_return addFile(files, kube::text(source, {"path"}), std::move(*token), mode);
}

Task<Status> addProjected(const Scope& scope, const kube::Object& projected, site::v1::Files& files) {
  const int64_t mode = files.default_mode();
  for (const auto& entry : kube::items(projected, {"sources"})) {
    const kube::Object& source = kube::objectOf(entry);
    Status added;
    if (const auto* map = source.if_contains("configMap")) {
      const kube::Object& reference = kube::objectOf(*map);
      added = co_await addReferred(scope, reference, false, std::string(kube::text(reference, {"name"})), mode, files);
    } else if (const auto* secret = source.if_contains("secret")) {
      const kube::Object& reference = kube::objectOf(*secret);
      files.set_secret(true);
      added = co_await addReferred(scope, reference, true, std::string(kube::text(reference, {"name"})), mode, files);
    } else if (const auto* downward = source.if_contains("downwardAPI")) {
      added = addDownward(scope, kube::objectOf(*downward), mode, files);
    } else if (const auto* token = source.if_contains("serviceAccountToken")) {
      files.set_secret(true);
      added = co_await addToken(scope, kube::objectOf(*token), mode, files);
    } else {
      added = failure(Code::Invalid, "projected source {} is not supported",
                      source.empty() ? "" : std::string_view(source.begin()->key()));
    }
    if (!added) co_return added;
  }
  co_return Status();
}

std::string nfsType(const kube::Object& source) {
  return fmt::format("{}{}", kNfsType, kube::text(source, {"server"}));
}

Task<Status> resolveClaim(const Scope& scope, std::string claim_name, ResolvedVolume& out) {
  const std::string ns = scope.references.ns();
  auto claim = co_await scope.references.source().persistentVolumeClaim(ns, claim_name);
  if (!claim) co_return failure(claim.error());
  const std::string volume_name(kube::text(*claim, {"spec", "volumeName"}));
  if (volume_name.empty() || kube::text(*claim, {"status", "phase"}) == "Pending") {
    co_return failure(Code::ServiceUnavailable, "PersistentVolumeClaim {} is not bound yet", claim_name);
  }
  if (kube::text(*claim, {"spec", "volumeMode"}) == "Block") {
    co_return failure(Code::Invalid, "PersistentVolumeClaim {}: raw block devices need root", claim_name);
  }
  auto volume = co_await scope.references.source().persistentVolume(volume_name);
  if (!volume) co_return failure(volume.error());
  auto* host_path = out.volume.mutable_host_path();
  const kube::Object& spec = kube::child(*volume, {"spec"});
  for (const std::string_view kind : {"hostPath", "local", "nfs"}) {
    const std::string_view path = kube::text(spec, {kind, "path"});
    if (path.empty()) continue;
    host_path->set_path(std::string(path));
    host_path->set_type(kind == "hostPath" ? std::string(kube::text(spec, {kind, "type"})) : "Directory");
    if (kind == "nfs") host_path->set_type(nfsType(kube::child(spec, {kind})));
    out.read_only = out.read_only || kube::boolean(spec, {"nfs", "readOnly"});
    co_return Status();
  }
  co_return failure(
      Code::Invalid,
      "PersistentVolume {}: only hostPath, local and nfs volumes, whose path is there on the compute nodes, "
      "can be used without root",
      volume_name);
}

void setEmptyDir(const kube::Object& source, site::v1::EmptyDir& out) {
  out.set_memory(kube::text(source, {"medium"}) == "Memory");
  const auto limit = milliValue(quantityText(source, "sizeLimit"));
  out.set_size_limit(limit ? *limit / 1000 : 0);
}

Task<Status> resolveOne(const Scope& scope, const kube::Object& volume, ResolvedVolume& out) {
  out.volume.set_name(scope.name);
  const auto source = [&](std::string_view kind) { return volume.if_contains(kind); };
  if (volume.size() <= 1) {
    out.volume.mutable_empty_dir();
    co_return Status();
  }
  if (const auto* empty = source("emptyDir")) {
    setEmptyDir(empty->is_object() ? empty->get_object() : kube::Object(), *out.volume.mutable_empty_dir());
    co_return Status();
  }
  for (const bool secret : {false, true}) {
    const auto* found = source(secret ? "secret" : "configMap");
    if (found == nullptr) continue;
    const kube::Object& reference = kube::objectOf(*found);
    auto* files = out.volume.mutable_files();
    files->set_secret(secret);
    files->set_default_mode(static_cast<uint32_t>(kube::integer(reference, {"defaultMode"}, kDefaultMode)));
    const std::string name(kube::text(reference, {secret ? "secretName" : "name"}));
    co_return co_await addReferred(scope, reference, secret, name, files->default_mode(), *files);
  }
  for (const std::string_view kind : {"projected", "downwardAPI"}) {
    const auto* found = source(kind);
    if (found == nullptr) continue;
    auto* files = out.volume.mutable_files();
    files->set_default_mode(
        static_cast<uint32_t>(kube::integer(kube::objectOf(*found), {"defaultMode"}, kDefaultMode)));
    if (kind == "projected") co_return co_await addProjected(scope, kube::objectOf(*found), *files);
    co_return addDownward(scope, kube::objectOf(*found), files->default_mode(), *files);
  }
  if (const auto* path = source("hostPath")) {
    out.volume.mutable_host_path()->set_path(std::string(kube::text(kube::objectOf(*path), {"path"})));
    out.volume.mutable_host_path()->set_type(std::string(kube::text(kube::objectOf(*path), {"type"})));
    co_return Status();
  }
  if (const auto* nfs = source("nfs")) {
    out.volume.mutable_host_path()->set_path(std::string(kube::text(kube::objectOf(*nfs), {"path"})));
    out.volume.mutable_host_path()->set_type(nfsType(kube::objectOf(*nfs)));
    out.read_only = kube::boolean(kube::objectOf(*nfs), {"readOnly"});
    co_return Status();
  }
  if (const auto* image = source("image")) {
    const kube::Object& reference = kube::objectOf(*image);
    out.volume.mutable_image()->set_reference(std::string(kube::text(reference, {"reference"})));
    out.volume.mutable_image()->set_pull_policy(
        pullPolicyOf(kube::text(reference, {"pullPolicy"}), out.volume.image().reference()));
    if (out.volume.image().reference().empty()) co_return failure(Code::Invalid, "image.reference is missing");
    co_return Status();
  }
  if (const auto* claim = source("persistentVolumeClaim")) {
    out.read_only = kube::boolean(kube::objectOf(*claim), {"readOnly"});
    co_return co_await resolveClaim(scope, std::string(kube::text(kube::objectOf(*claim), {"claimName"})), out);
  }
  if (source("ephemeral") != nullptr) {
    co_return co_await resolveClaim(scope, fmt::format("{}-{}", kube::name(scope.pod), scope.name), out);
  }
  std::string kinds;
  for (const auto& entry : volume) {
    if (entry.key() != "name") kinds += std::string(entry.key());
  }
  co_return failure(Code::Invalid, "volumes of kind {} are not supported", kinds);
}

}  // namespace

bool staysInside(std::string_view path) {
  if (path.empty() || path[0] == '/' || path.find('\0') != std::string_view::npos) return false;
  const auto parts = split(path, '/');
  return std::find(parts.begin(), parts.end(), "..") == parts.end();
}

Task<Result<std::vector<ResolvedVolume>>> resolveVolumes(const kube::Object& pod, References& references,
                                                         const PlanOptions& options) {
  std::vector<ResolvedVolume> out;
  for (const auto& entry : kube::items(pod, {"spec", "volumes"})) {
    const kube::Object& volume = kube::objectOf(entry);
    const Scope scope{pod, references, options, std::string(kube::text(volume, {"name"}))};
    ResolvedVolume resolved;
    const Status done = co_await resolveOne(scope, volume, resolved);
    if (!done) co_return failure(scope.about(done.error()));
    out.push_back(std::move(resolved));
  }
  co_return out;
}

}  // namespace slipway::pod
