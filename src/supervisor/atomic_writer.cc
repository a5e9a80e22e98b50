#include "supervisor/atomic_writer.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <set>

#include "base/files.h"
#include "base/strings.h"

namespace slipway::supervisor {
namespace fs = std::filesystem;
namespace {

constexpr const char* kData = "..data";

bool isCurrent(const fs::path& directory, const site::v1::Files& files) {
  std::error_code error;
  if (!fs::exists(directory / kData, error)) return false;
  std::set<std::string> wanted;
  for (const auto& file : files.files()) {
    const auto contents = readFile(directory / kData / file.path());
    if (!contents || *contents != file.contents()) return false;
    wanted.insert(fs::path(file.path()).lexically_normal().string());
  }
  size_t present = 0;
  for (const auto& entry : fs::recursive_directory_iterator(directory / kData, error))
    present += entry.is_regular_file() ? 1 : 0;
  return !error && present == wanted.size();
}

Status writeInto(const fs::path& folder, const site::v1::Files& files) {
  for (const auto& file : files.files()) {
    const fs::path path = folder / file.path();
    TRY_STATUS(makeDirectories(path.parent_path()));
    TRY(const FileDescriptor out, openFile(path, O_CREAT | O_TRUNC | O_WRONLY, 0600));
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

Status replaceLink(const fs::path& link, const std::string& target) {
  const fs::path temporary = link.string() + "_tmp";
  ::unlink(temporary.c_str());
  if (::symlink(target.c_str(), temporary.c_str()) != 0 || ::rename(temporary.c_str(), link.c_str()) != 0) {
    return failure(errnoError(fmt::format("link {}", link.string()), errno));
  }
  return {};
}

}  // namespace

Status writeFilesAtomic(const fs::path& directory, const site::v1::Files& files) {
  if (isCurrent(directory, files)) return {};
  TRY_STATUS(makeDirectories(directory));
  std::string folder = (directory / "..XXXXXX").string();
  if (::mkdtemp(folder.data()) == nullptr) {
    return failure(errnoError(fmt::format("create a folder in {}", directory.string()), errno));
  }
  ::chmod(folder.c_str(), 0755);
  TRY_STATUS(writeInto(folder, files));
  std::error_code error;
  const fs::path old = fs::read_symlink(directory / kData, error);
  TRY_STATUS(replaceLink(directory / kData, fs::path(folder).filename().string()));
  const std::set<std::string> names = topNames(files);
  for (const std::string& name : names) {
    if (!fs::is_symlink(fs::symlink_status(directory / name, error))) {
      TRY_STATUS(replaceLink(directory / name, fmt::format("{}/{}", kData, name)));
    }
  }
  for (const auto& entry : fs::directory_iterator(directory, error)) {
    const std::string name = entry.path().filename().string();
    if (!name.starts_with("..") && !names.contains(name)) fs::remove(entry.path(), error);
  }
  if (!old.empty()) fs::remove_all(directory / old, error);
  return {};
}

}  // namespace slipway::supervisor
