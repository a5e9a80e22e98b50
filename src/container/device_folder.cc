#include "container/device_folder.h"

#include "base/guarded_files.h"

namespace slipway::container {
namespace fs = std::filesystem;
namespace {

FileKind kindOf(const fs::path& source) {
  std::error_code error;
  return fs::is_directory(source, error) ? FileKind::Directory : FileKind::File;
}

}  // namespace

bool isDevicePath(std::string_view target) {
  return target.starts_with("/dev/");
}

Result<fs::path> stagedSource(const Bind& bind, const fs::path& scratch, bool also_read_only, Launch& launch) {
  // What has no quoting for it separates by colons.
  const bool unspeakable = also_read_only && bind.source.string().find(':') != std::string::npos;
  const bool stage =
      (also_read_only && bind.read_only) || isDevicePath(bind.source.string()) || bind.opened || unspeakable;
  if (!launch.overlay || !stage) return bind.source;
  auto& staged = launch.overlay->binds;
  const fs::path target = scratch / fmt::format("bind-{}", staged.size());
  TRY_STATUS(makeBelow(scratch, target.filename(), kindOf(bind.source)));
  staged.push_back({bind.source, target.string(), bind.read_only, bind.opened});
  return target;
}

Result<std::vector<Bind>> makeDeviceFolder(const fs::path& folder, const std::vector<Bind>& binds) {
  TRY_STATUS(makeDirectories(folder));
  std::vector<Bind> out;
  std::error_code error;
  const auto replaced = [&](const fs::path& path) {
    return std::any_of(binds.begin(), binds.end(), [&](const Bind& bind) { return bind.target == path.string(); });
  };
  for (const auto& entry : fs::directory_iterator("/dev", error)) {
    const fs::path point = folder / entry.path().filename();
    if (replaced(entry.path())) continue;
    if (entry.is_symlink(error)) {
      fs::copy_symlink(entry.path(), point, error);
    } else if (entry.is_directory(error) || entry.is_character_file(error)) {
      TRY_STATUS(makeBelow(folder, entry.path().filename(), kindOf(entry.path())));
      out.push_back({entry.path(), point.string(), false});
    }
  }
  for (const Bind& bind : binds) {
    if (!isDevicePath(bind.target)) continue;
    const std::string inner = bind.target.substr(std::string_view("/dev/").size());
    TRY_STATUS(makeBelow(folder, inner, kindOf(bind.source)));
    out.push_back({bind.source, (folder / inner).string(), bind.read_only, bind.opened});
  }
  out.push_back({folder, "/dev", false});
  return out;
}

}  // namespace slipway::container
