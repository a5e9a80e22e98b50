#include "base/guarded_files.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

namespace slipway {
namespace fs = std::filesystem;
namespace {

Status checkPrivate(int fd, const fs::path& path) {
  struct stat info{};
  if (::fstat(fd, &info) != 0) return failure(errnoError(fmt::format("stat {}", path.string()), errno));
  if (info.st_uid != ::geteuid()) {
    return failure(Code::Forbidden, "{} belongs to user {}: somebody else has made it; remove it, or set TMPDIR",
                   path.string(), info.st_uid);
  }
  if ((info.st_mode & 077U) != 0) {
    return failure(Code::Forbidden, "{} can be entered by other users (mode {:o}); remove it, or set TMPDIR",
                   path.string(), info.st_mode & 0777U);
  }
  return {};
}

tl::unexpected<Error> notOnTheWay(const fs::path& root, const fs::path& inner, int error) {
  if (error == ELOOP || error == ENOTDIR) {
    return failure(Code::Invalid, "{} leads through a link or a file in {}", inner.string(), root.string());
  }
  return failure(errnoError((root / inner).string(), error));
}

Result<fs::path> withoutParents(const fs::path& inner) {
  const fs::path relative = inner.relative_path();
  for (const fs::path& part : relative) {
    if (part == "..") return failure(Code::Invalid, "path \"{}\" has a part \"..\"", inner.string());
  }
  return relative;
}

/// For kernels without openat2(2): no link is followed.
int openStepwise(int root, const fs::path& relative, int flags) {
  FileDescriptor at(::fcntl(root, F_DUPFD_CLOEXEC, 0));
  for (const fs::path& part : relative.parent_path()) {
    at = FileDescriptor(::openat(at.get(), part.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!at.valid()) return -1;
  }
  return ::openat(at.get(), relative.filename().c_str(), flags | O_NOFOLLOW);
}

Result<FileDescriptor> regularOnly(FileDescriptor file, const fs::path& path) {
  struct stat info{};
  if (::fstat(file.get(), &info) != 0) return failure(errnoError(fmt::format("stat {}", path.string()), errno));
  if (!S_ISREG(info.st_mode)) return failure(Code::Invalid, "{} is not a regular file", path.string());
  return file;
}

Result<std::string> readUpTo(const FileDescriptor& file, const fs::path& path, size_t most) {
  std::string out(most, '\0');
  size_t size = 0;
  while (size < most) {
    const ssize_t got = ::read(file.get(), out.data() + size, most - size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return failure(errnoError(fmt::format("read {}", path.string()), errno));
    if (got == 0) break;
    size += static_cast<size_t>(got);
  }
  out.resize(size);
  return out;
}

constexpr int kReadFlags = O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;

}  // namespace

Status checkPrivateDirectory(const fs::path& path) {
  const FileDescriptor directory(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (directory.valid()) return checkPrivate(directory.get(), path);
  if (errno == ELOOP || errno == ENOTDIR) {
    return failure(Code::Forbidden, "{} is not a directory: somebody else has made it; remove it, or set TMPDIR",
                   path.string());
  }
  if (errno == EACCES) {
    return failure(Code::Forbidden, "{} belongs to another user; remove it, or set TMPDIR", path.string());
  }
  return failure(errnoError(fmt::format("open {}", path.string()), errno));
}

Status makePrivateDirectory(const fs::path& path) {
  std::error_code error;
  if (path.has_parent_path()) fs::create_directories(path.parent_path(), error);
  if (error) return failure(errnoError(fmt::format("create directory {}", path.string()), error.value()));
  if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) {
    return failure(errnoError(fmt::format("create directory {}", path.string()), errno));
  }
  return checkPrivateDirectory(path);
}

Result<FileDescriptor> makeFoldersBelow(const fs::path& root, const fs::path& inner) {
  TRY(const fs::path relative, withoutParents(inner));
  TRY(FileDescriptor at, openFile(root, O_PATH | O_DIRECTORY));
  for (const fs::path& part : relative) {
    if (part.empty() || part == ".") continue;
    if (::mkdirat(at.get(), part.c_str(), 0755) != 0 && errno != EEXIST) return notOnTheWay(root, inner, errno);
    FileDescriptor next(::openat(at.get(), part.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!next.valid()) return notOnTheWay(root, inner, errno);
    at = std::move(next);
  }
  return at;
}

Status makeBelow(const fs::path& root, const fs::path& inner, FileKind kind) {
  TRY(const fs::path relative, withoutParents(inner));
  TRY(const FileDescriptor at, makeFoldersBelow(root, relative.parent_path()));
  const fs::path name = relative.filename();
  if (name.empty() || name == ".") return {};
  if (kind == FileKind::Directory) {
    if (::mkdirat(at.get(), name.c_str(), 0755) != 0 && errno != EEXIST) return notOnTheWay(root, inner, errno);
    return {};
  }
  const FileDescriptor made(
      ::openat(at.get(), name.c_str(), O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW | O_CLOEXEC, 0644));
  if (!made.valid() && errno != EEXIST) return notOnTheWay(root, inner, errno);
  return {};
}

Result<FileDescriptor> openInRoot(const fs::path& root, const fs::path& inner) {
  TRY(const fs::path relative, withoutParents(inner));
  TRY(const FileDescriptor top, openFile(root, O_PATH | O_DIRECTORY));
  open_how how{};
  how.flags = kReadFlags;
  how.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
  int fd = static_cast<int>(::syscall(SYS_openat2, top.get(), relative.c_str(), &how, sizeof how));
  if (fd < 0 && (errno == ENOSYS || errno == EPERM)) fd = openStepwise(top.get(), relative, kReadFlags);
  if (fd < 0) return failure(errnoError(fmt::format("open {}", (root / relative).string()), errno));
  return regularOnly(FileDescriptor(fd), root / relative);
}

Result<std::string> readInRoot(const fs::path& root, const fs::path& inner, size_t most) {
  TRY(const FileDescriptor file, openInRoot(root, inner));
  TRY(std::string text, readUpTo(file, root / inner, most + 1));
  if (text.size() > most) {
    return failure(Code::RequestEntityTooLarge, "{} has more than {} bytes", (root / inner).string(), most);
  }
  return text;
}

Result<std::string> readHead(const fs::path& path, size_t most) {
  TRY(FileDescriptor opened, openFile(path, kReadFlags | O_NOFOLLOW));
  TRY(const FileDescriptor file, regularOnly(std::move(opened), path));
  return readUpTo(file, path, most);
}

}  // namespace slipway
