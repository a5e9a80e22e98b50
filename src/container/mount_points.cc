#include "container/mount_points.h"

#include "base/guarded_files.h"
#include "base/strings.h"

namespace slipway::container {
namespace fs = std::filesystem;
namespace {

bool isSafeTarget(std::string_view target) {
  if (!target.starts_with("/")) return false;
  const auto parts = split(target, '/');
  return std::find(parts.begin(), parts.end(), "..") == parts.end();
}

}  // namespace

Status makeMountPoints(const fs::path& image, const fs::path& root, const std::vector<Bind>& binds) {
  for (const Bind& bind : binds) {
    if (!isSafeTarget(bind.target)) return failure(Code::Invalid, "mount path \"{}\" is not absolute", bind.target);
    const fs::path relative = fs::path(bind.target).relative_path();
    std::error_code error;
    if (relative.empty() || fs::exists(image / relative, error)) continue;
    // A mount point inside another bind is made in that bind's source, by whoever owns it.
    const bool directory = fs::is_directory(bind.source, error);
    TRY_STATUS(makeBelow(root, relative, directory ? FileKind::Directory : FileKind::File));
  }
  return {};
}

}  // namespace slipway::container
