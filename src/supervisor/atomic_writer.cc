#include "supervisor/atomic_writer.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <optional>
#include <random>
#include <set>

#include "base/guarded_files.h"
#include "base/strings.h"

namespace slipway::supervisor {
namespace fs = std::filesystem;
namespace {

constexpr const char* kData = "..data";

Result<FileDescriptor> openFolder(int directory, const std::string& name) {
  FileDescriptor folder(::openat(directory, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!folder.valid()) return failure(errnoError(fmt::format("open folder {}", name), errno));
  return folder;
}

fs::path pathOf(const FileDescriptor& directory) {
  return fmt::format("/proc/self/fd/{}", directory.get());
}

/// The folder that is shown now. Containers may have written here: only a folder such as this file makes counts.
std::optional<std::string> currentFolder(int directory) {
  char target[256];
  const ssize_t size = ::readlinkat(directory, kData, target, sizeof target);
  if (size <= 0 || size == sizeof target) return std::nullopt;
  std::string name(target, static_cast<size_t>(size));
  if (name.size() < 3 || !name.starts_with("..") || name.find('/') != std::string::npos) return std::nullopt;
  return openFolder(directory, name) ? std::optional(name) : std::nullopt;
}

bool isCurrent(int directory, const site::v1::Files& files) {
  const auto name = currentFolder(directory);
  if (!name) return false;
  const auto folder = openFolder(directory, *name);
  if (!folder) return false;
  std::set<std::string> wanted;
  for (const auto& file : files.files()) {
    const auto contents = readInRoot(pathOf(*folder), file.path(), file.contents().size());
    if (!contents || *contents != file.contents()) return false;
    wanted.insert(fs::path(file.path()).lexically_normal().string());
  }
  std::error_code error;
  size_t present = 0;
  for (fs::recursive_directory_iterator it(pathOf(*folder), error), end; !error && it != end; it.increment(error))
    present += it->is_regular_file(error) ? 1 : 0;
  return !error && present == wanted.size();
}

Status writeInto(const FileDescriptor& folder, const site::v1::Files& files) {
  for (const auto& file : files.files()) {
    const fs::path path = fs::path(file.path()).lexically_normal();
    TRY(const FileDescriptor parent, makeFoldersBelow(pathOf(folder), path.parent_path()));
    const std::string name = path.filename().string();
    ::unlinkat(parent.get(), name.c_str(),
               0);  // two sources of a projected volume may have the same path: the last one counts
    const FileDescriptor out(
        ::openat(parent.get(), name.c_str(), O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (!out.valid()) return failure(errnoError(fmt::format("create {}", file.path()), errno));
    TRY_STATUS(writeAll(out.get(), file.contents()));
    ::fchmod(out.get(), file.mode() & 0777U);
  }
  return {};
}

/// The first parts of all paths: what is to be seen in the directory.
std::set<std::string> topNames(const site::v1::Files& files) {
  std::set<std::string> out;
  for (const auto& file : files.files()) out.insert((*fs::path(file.path()).begin()).string());
  return out;
}

Status replaceLink(int directory, const std::string& link, const std::string& target) {
  const std::string temporary = "..tmp";  // no key of a ConfigMap begins so
  TRY_STATUS(removeTreeAt(directory, temporary));
  if (::symlinkat(target.c_str(), directory, temporary.c_str()) == 0) {
    if (::renameat(directory, temporary.c_str(), directory, link.c_str()) == 0) return {};
    // A folder of that name: nobody but a container can have put it there.
    TRY_STATUS(removeTreeAt(directory, link));
    if (::renameat(directory, temporary.c_str(), directory, link.c_str()) == 0) return {};
  }
  return failure(errnoError(fmt::format("link {}", link), errno));
}

Result<std::string> makeFolder(int directory) {
  std::random_device random;
  for (int attempt = 0; attempt < 10; ++attempt) {
    std::string name = fmt::format("..{:08x}{:08x}", random(), random());
    if (::mkdirat(directory, name.c_str(), 0755) == 0) return name;
    if (errno != EEXIST) break;
  }
  return failure(errnoError("create a folder for files", errno));
}

bool isLink(int directory, const std::string& name) {
  struct stat info{};
  return ::fstatat(directory, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(info.st_mode);
}

Status show(const FileDescriptor& directory, const site::v1::Files& files) {
  TRY(const std::string name, makeFolder(directory.get()));
  TRY(const FileDescriptor folder, openFolder(directory.get(), name));
  ::fchmod(folder.get(), 0755);
  TRY_STATUS(writeInto(folder, files));
  const auto old = currentFolder(directory.get());
  TRY_STATUS(replaceLink(directory.get(), kData, name));
  const std::set<std::string> names = topNames(files);
  for (const std::string& each : names) {
    if (!isLink(directory.get(), each)) {
      TRY_STATUS(replaceLink(directory.get(), each, fmt::format("{}/{}", kData, each)));
    }
  }
  std::error_code error;
  std::vector<std::string> gone;
  for (fs::directory_iterator it(pathOf(directory), error), end; !error && it != end; it.increment(error)) {
    const std::string present = it->path().filename().string();
    if (!present.starts_with("..") && !names.contains(present)) gone.push_back(present);
  }
  if (old) gone.push_back(*old);
  for (const std::string& each : gone) TRY_STATUS(removeTreeAt(directory.get(), each));
  return {};
}

}  // namespace

Status writeFilesAtomic(const fs::path& path, const site::v1::Files& files) {
  std::error_code error;
  if (!fs::exists(fs::symlink_status(path, error))) TRY_STATUS(makeDirectories(path));
  TRY(const FileDescriptor directory, openFile(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
  if (isCurrent(directory.get(), files)) return {};
  const Status shown = show(directory, files);
  return shown ? Status() : failure(shown.error().wrap(path.string()));
}

}  // namespace slipway::supervisor
