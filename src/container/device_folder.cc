#include "container/device_folder.h"

#include "base/files.h"

namespace slipway::container {
namespace fs = std::filesystem;
namespace {

Status makePoint(const fs::path& point, bool directory) {
  std::error_code error;
  if (fs::exists(fs::symlink_status(point, error))) return {};
  if (directory) return makeDirectories(point);
  TRY_STATUS(makeDirectories(point.parent_path()));
  return writeFileAtomic(point, "");
}

}  // namespace

bool isDevicePath(std::string_view target) {
  return target.starts_with("/dev/");
}

Result<fs::path> stagedSource(const Bind& bind, const fs::path& scratch, bool also_read_only, Launch& launch) {
  const bool stage = (also_read_only && bind.read_only) || isDevicePath(bind.source.string());
  if (!launch.overlay || !stage) return bind.source;
  auto& staged = launch.overlay->binds;
  const fs::path target = scratch / fmt::format("bind-{}", staged.size());
  std::error_code error;
  if (fs::is_directory(bind.source, error)) {
    TRY_STATUS(makeDirectories(target));
  } else {
    TRY_STATUS(writeFileAtomic(target, ""));
  }
  staged.push_back({bind.source, target.string(), bind.read_only});
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
      TRY_STATUS(makePoint(point, entry.is_directory(error)));
      out.push_back({entry.path(), point.string(), false});
    }
  }
  for (const Bind& bind : binds) {
    if (!isDevicePath(bind.target)) continue;
    const fs::path point = folder / fs::path(bind.target).lexically_relative("/dev");
    TRY_STATUS(makePoint(point, fs::is_directory(bind.source, error)));
    out.push_back({bind.source, point.string(), bind.read_only});
  }
  out.push_back({folder, "/dev", false});
  return out;
}

}  // namespace slipway::container
