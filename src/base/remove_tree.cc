#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <vector>

#include "base/guarded_files.h"

namespace slipway {
namespace fs = std::filesystem;
namespace {

std::vector<std::string> namesIn(int directory) {
  std::vector<std::string> out;
  const int copy = ::fcntl(directory, F_DUPFD_CLOEXEC, 0);
  DIR* const listing = copy < 0 ? nullptr : ::fdopendir(copy);
  if (listing == nullptr) {
    FileDescriptor unused(copy);
    return out;
  }
  while (const dirent* entry = ::readdir(listing)) {
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") out.emplace_back(name);
  }
  ::closedir(listing);
  return out;
}

/// One tree on its way out. Each level holds a descriptor: what lies deeper than kMostDepth is moved up first, so that
/// a long chain of folders takes neither all descriptors nor all of the stack.
class DoomedTree {
 public:
  Status remove(int parent, const std::string& name) {
    take(parent, name, 0);
    return std::move(first_);
  }

 private:
  static constexpr int kMostDepth = 100;

  void note(const std::string& name) {
    if (first_) first_ = failure(errnoError(fmt::format("remove {}", name), errno));
  }

  void take(int parent, const std::string& name, int depth) {
    if (::unlinkat(parent, name.c_str(), 0) == 0 || errno == ENOENT) return;
    if (errno != EISDIR && errno != EPERM) return note(name);
    // The work folder of an overlay is made without any permission.
    ::fchmodat(parent, name.c_str(), 0700, AT_SYMLINK_NOFOLLOW);
    if (depth == kMostDepth && moveUp(parent, name)) return;
    const FileDescriptor here(::openat(parent, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!here.valid()) return note(name);
    if (depth == 0) top_ = here.get();
    for (const std::string& each : namesIn(here.get())) take(here.get(), each, depth + 1);
    while (depth == 0 && !moved_up_.empty()) {
      const std::string next = std::move(moved_up_.back());
      moved_up_.pop_back();
      take(top_, next, 1);
    }
    if (::unlinkat(parent, name.c_str(), AT_REMOVEDIR) != 0 && errno != ENOENT) note(name);
  }

  bool moveUp(int parent, const std::string& name) {
    const std::string fresh = fmt::format("..removed-{}-{}", ::getpid(), ++moved_);
    if (::renameat(parent, name.c_str(), top_, fresh.c_str()) != 0) return false;
    moved_up_.push_back(fresh);
    return true;
  }

  int top_ = -1;
  int moved_ = 0;
  std::vector<std::string> moved_up_;
  Status first_;
};

}  // namespace

Status removeTreeAt(int directory, const std::string& name) {
  DoomedTree tree;
  return tree.remove(directory, name);
}

Status removeTree(const fs::path& path) {
  struct stat info{};
  if (::lstat(path.c_str(), &info) != 0) {
    return errno == ENOENT ? Status() : failure(errnoError(fmt::format("stat {}", path.string()), errno));
  }
  if (info.st_uid != ::geteuid()) {
    return failure(Code::Forbidden, "remove {}: it belongs to user {}", path.string(), info.st_uid);
  }
  return removeTreeAt(AT_FDCWD, path.string());
}

}  // namespace slipway
