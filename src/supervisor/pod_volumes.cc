#include "supervisor/pod_volumes.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "base/guarded_files.h"
#include "base/log.h"
#include "base/strings.h"
#include "pod/volumes.h"
#include "supervisor/atomic_writer.h"
#include "supervisor/nfs_mounts.h"

namespace slipway::supervisor {
namespace fs = std::filesystem;
namespace {

struct TypeRule {
  std::string_view type;
  fs::file_type wanted;
  std::string_view words;
};
constexpr TypeRule kTypes[] = {{"Directory", fs::file_type::directory, "a directory"},
                               {"DirectoryOrCreate", fs::file_type::directory, "a directory"},
                               {"File", fs::file_type::regular, "a file"},
                               {"FileOrCreate", fs::file_type::regular, "a file"},
                               {"Socket", fs::file_type::socket, "a socket file"},
                               {"CharDevice", fs::file_type::character, "a character device"},
                               {"BlockDevice", fs::file_type::block, "a block device"}};

bool isInside(const fs::path& path, const fs::path& root) {
  const fs::path relative = path.lexically_relative(root);
  return !relative.empty() && *relative.begin() != "..";
}

struct OpenedPath {
  fs::path path;
  FileDescriptor file;
};

/// The part of a volume that a subPath names, links followed. What counts is what was opened, not what its path leads
/// to a moment later: containers may write to the volume.
Result<OpenedPath> subPath(const fs::path& volume, const std::string& sub_path) {
  std::error_code error;
  const fs::path root = fs::canonical(volume, error);
  if (error) return failure(errnoError(fmt::format("volume {}", volume.string()), error.value()));
  FileDescriptor file(::open((root / sub_path).c_str(), O_PATH | O_CLOEXEC));
  if (!file.valid() && errno == ENOENT) {
    TRY(file, makeFoldersBelow(root, sub_path));
  }
  if (!file.valid()) return failure(errnoError(fmt::format("subPath \"{}\"", sub_path), errno));
  fs::path real = fs::read_symlink(fmt::format("/proc/self/fd/{}", file.get()), error);
  if (error || !isInside(real, root)) return failure(Code::Invalid, "subPath \"{}\" leaves its volume", sub_path);
  return OpenedPath{std::move(real), std::move(file)};
}

Result<fs::path> nfsPlace(const site::v1::HostPath& volume) {
  const std::string server = volume.type().substr(pod::kNfsType.size());
  std::error_code error;
  (void)fs::status(volume.path(), error);  // an automounter mounts when it is looked for
  TRY(const std::string mounts, readFile("/proc/self/mountinfo"));
  TRY(const fs::path path, findNfs(mounts, server, volume.path()));
  const fs::path real = fs::canonical(path, error);
  if (error) return failure(errnoError(fmt::format("nfs {}:{}", server, volume.path()), error.value()));
  return findNfs(mounts, "", real);  // wherever its links lead
}

}  // namespace

bool hasParentParts(std::string_view path) {
  const auto parts = split(path, '/');
  return std::find(parts.begin(), parts.end(), "..") != parts.end();
}

Status checkHostPath(const fs::path& path, std::string_view type) {
  std::error_code error;
  if (type == "DirectoryOrCreate" && !fs::exists(path, error)) TRY_STATUS(makeDirectories(path));
  // As container engines do. What cannot be made is said below.
  if (type.empty() && !fs::exists(path, error)) (void)makeDirectories(path);
  if (type == "FileOrCreate" && !fs::exists(path, error)) TRY_STATUS(openFile(path, O_CREAT | O_WRONLY));
  const fs::file_status status = fs::status(path, error);
  if (!fs::exists(status)) {
    return failure(Code::NotFound, "hostPath type check failed: {} does not exist on this node", path.string());
  }
  for (const TypeRule& rule : kTypes) {
    if (rule.type == type && status.type() != rule.wanted) {
      return failure(Code::Invalid, "hostPath type check failed: {} is not {}", path.string(), rule.words);
    }
  }
  return {};
}

Status checkHostPathsAllowed(const site::v1::PodPlan& plan) {
  for (const site::v1::Volume& volume : plan.volumes()) {
    if (!volume.has_host_path() || volume.host_path().type().starts_with(pod::kNfsType)) continue;
    return failure(Code::Forbidden,
                   "volume \"{}\": directories of the node ({}) are switched off at this site (volumes.hostPath in "
                   "agent.yaml)",
                   volume.name(), volume.host_path().path());
  }
  return {};
}

void sortByDepth(std::vector<container::Bind>& binds) {
  std::sort(binds.begin(), binds.end(), [](const container::Bind& a, const container::Bind& b) {
    return std::make_pair(a.target.size(), a.target) < std::make_pair(b.target.size(), b.target);
  });
}

PodVolumes::~PodVolumes() {
  if (!attached_) remove();
}

void PodVolumes::attach(const site::v1::PodPlan& plan) {
  attached_ = true;
  for (const site::v1::Volume& volume : plan.volumes()) {
    if (volume.has_image()) continue;
    paths_[volume.name()] = placeOf(volume);
    if (!volume.has_host_path() || !volume.host_path().type().starts_with(pod::kNfsType)) continue;
    // Whoever sets the volumes up has looked before.
    if (const auto place = nfsPlace(volume.host_path())) paths_[volume.name()] = *place;
  }
}

fs::path PodVolumes::placeOf(const site::v1::Volume& volume) const {
  if (volume.has_host_path()) return volume.host_path().path();
  const bool in_memory = volume.has_empty_dir() ? volume.empty_dir().memory() : volume.files().secret();
  return (in_memory ? scratch_.memory : scratch_.disk) / "volumes" / volume.name();
}

void PodVolumes::remove() {
  for (const fs::path& path : {scratch_.disk, scratch_.memory}) {
    if (path.empty()) continue;
    if (const Status removed = removeTree(path); !removed) log::warn("{}", removed.error().message);
  }
}

Status PodVolumes::makeScratch() const {
  TRY_STATUS(makePrivateDirectory(scratch_.disk));
  return makePrivateDirectory(scratch_.memory);
}

Status PodVolumes::setUpOne(const site::v1::Volume& volume) {
  if (volume.name().find('/') != std::string::npos || volume.name().empty()) {
    return failure(Code::Invalid, "\"{}\" is not the name of a volume", volume.name());
  }
  if (volume.has_host_path()) {
    const bool nfs = volume.host_path().type().starts_with(pod::kNfsType);
    TRY(const fs::path place, nfs ? nfsPlace(volume.host_path()) : placeOf(volume));
    TRY_STATUS(checkHostPath(place, nfs ? "Directory" : volume.host_path().type()));
    paths_[volume.name()] = place;
    return {};
  }
  if (volume.has_image()) return {};  // it comes with the container: setImage()
  const fs::path path = placeOf(volume);
  TRY_STATUS(makeDirectories(path, volume.has_empty_dir() ? 0777 : 0755));
  paths_[volume.name()] = path;
  if (volume.has_files()) TRY_STATUS(writeFilesAtomic(path, volume.files()));
  return {};
}

Status PodVolumes::setUp(const site::v1::PodPlan& plan) {
  TRY_STATUS(makeScratch());
  for (const site::v1::Volume& volume : plan.volumes()) {
    const Status done = setUpOne(volume);
    if (!done)
      return failure(done.error().wrap(fmt::format("MountVolume.SetUp failed for volume \"{}\"", volume.name())));
  }
  return {};
}

Status PodVolumes::setImage(const std::string& volume, const fs::path& image) {
  std::error_code error;
  if (!fs::is_directory(image, error)) {
    return failure(Code::Invalid, "volume \"{}\": {}", volume,
                   image.empty() ? "without a container runtime there are no images"
                                 : fmt::format("{} is no directory", image.string()));
  }
  paths_[volume] = image;
  images_.insert(volume);
  return {};
}

Status PodVolumes::update(const google::protobuf::RepeatedPtrField<site::v1::Volume>& volumes) {
  for (const site::v1::Volume& volume : volumes) {
    const auto known = paths_.find(volume.name());
    if (known == paths_.end() || !volume.has_files()) continue;
    TRY_STATUS(writeFilesAtomic(known->second, volume.files()));
  }
  return {};
}

fs::path PodVolumes::pathOf(const std::string& volume) const {
  const auto found = paths_.find(volume);
  return found == paths_.end() ? fs::path() : found->second;
}

Result<std::vector<container::Bind>> PodVolumes::binds(const site::v1::Container& container) const {
  std::vector<container::Bind> out;
  for (const site::v1::Mount& mount : container.mounts()) {
    fs::path source = pathOf(mount.volume());
    if (source.empty()) return failure(Code::Invalid, "no volume \"{}\"", mount.volume());
    std::shared_ptr<const FileDescriptor> opened;
    if (!mount.sub_path().empty()) {
      std::error_code error;
      if (images_.contains(mount.volume()) && !fs::exists(source / mount.sub_path(), error)) {
        return failure(Code::NotFound, "subPath \"{}\": the image has no such path", mount.sub_path());
      }
      TRY(OpenedPath found, subPath(source, mount.sub_path()));
      source = found.path;
      opened = std::make_shared<FileDescriptor>(std::move(found.file));
    }
    if (hasParentParts(mount.path())) {
      return failure(Code::Invalid, "mountPath \"{}\": \"..\" is not allowed", mount.path());
    }
    std::string target = mount.path().starts_with("/") ? mount.path() : "/" + mount.path();
    while (target.size() > 1 && target.back() == '/') target.pop_back();
    out.push_back({source, target, mount.read_only(), std::move(opened)});
  }
  sortByDepth(out);
  return out;
}

}  // namespace slipway::supervisor
