#include "container/mount_points.h"

#include <deque>
#include <functional>
#include <set>

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

std::deque<std::string> partsOf(const fs::path& path) {
  std::deque<std::string> out;
  for (const fs::path& part : path.relative_path()) {
    if (!part.empty() && part != ".") out.push_back(part.string());
  }
  return out;
}

std::string resolved(const fs::path& image, const std::string& target, const std::set<std::string>& mounted) {
  constexpr int kMostLinks = 40;
  // Not the image's, whatever it has there.
  for (const std::string_view of_the_node : {"/dev/", "/proc/", "/sys/"}) {
    if (target.starts_with(of_the_node)) return target;
  }
  fs::path at("/");
  int links = 0;
  bool in_image = true;
  for (std::deque<std::string> left = partsOf(target); !left.empty();) {
    const std::string part = left.front();
    left.pop_front();
    if (part == "..") {
      at = at.parent_path();
      continue;
    }
    const fs::path next = at / part;
    std::error_code error;
    in_image = in_image && !mounted.contains(at.string());
    const fs::path here = image / next.relative_path();
    if (!in_image || !fs::is_symlink(fs::symlink_status(here, error))) {
      at = next;
      continue;
    }
    const fs::path link = fs::read_symlink(here, error);
    if (error || ++links > kMostLinks) return target;
    if (link.is_absolute()) at = "/";
    const std::deque<std::string> way = partsOf(link);
    left.insert(left.begin(), way.begin(), way.end());
  }
  return at.string();
}

}  // namespace

void resolveTargets(const fs::path& image, std::vector<Bind>& binds) {
  std::error_code error;
  if (!fs::is_directory(image, error)) return;
  std::set<std::string> mounted;
  for (Bind& bind : binds) {
    if (isSafeTarget(bind.target)) bind.target = resolved(image, bind.target, mounted);
    mounted.insert(bind.target);
  }
}

Status makeMountPoints(const fs::path& image, const fs::path& root, const std::vector<Bind>& binds) {
  std::set<fs::path, std::greater<>> parents;  // what lies in another one first
  for (const Bind& bind : binds) {
    if (!isSafeTarget(bind.target)) return failure(Code::Invalid, "mount path \"{}\" is not absolute", bind.target);
    const fs::path relative = fs::path(bind.target).relative_path();
    std::error_code error;
    if (relative.empty() || fs::exists(fs::symlink_status(image / relative, error))) continue;
    // A mount point inside another bind is made in that bind's source, by whoever owns it.
    const bool directory = fs::is_directory(bind.source, error);
    TRY_STATUS(makeBelow(root, relative, directory ? FileKind::Directory : FileKind::File));
    for (fs::path each = relative.parent_path(); !each.empty(); each = each.parent_path()) parents.insert(each);
  }
  for (const fs::path& each : parents) {
    std::error_code error;
    const fs::file_status lower = fs::symlink_status(image / each, error);
    if (fs::is_directory(lower)) fs::permissions(root / each, lower.permissions(), error);
  }
  return {};
}

}  // namespace slipway::container
