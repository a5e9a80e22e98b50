#pragma once

#include <sys/types.h>

#include <filesystem>
#include <string>
#include <string_view>

#include "base/result.h"

namespace slipway {

/// An open file descriptor that closes itself.
class FileDescriptor {
 public:
  FileDescriptor() = default;
  explicit FileDescriptor(int fd) : fd_(fd) {}
  FileDescriptor(FileDescriptor&& other) noexcept : fd_(other.release()) {}
  FileDescriptor& operator=(FileDescriptor&& other) noexcept;
  ~FileDescriptor();

  int get() const { return fd_; }
  bool valid() const { return fd_ >= 0; }
  int release();
  void reset();

 private:
  int fd_ = -1;
};

/// The whole file; errors name the path.
Result<std::string> readFile(const std::filesystem::path& path);
/// Replaces the file whole or not at all: temporary file beside it, fsync, rename, fsync of the directory.
Status writeFileAtomic(const std::filesystem::path& path, std::string_view contents, mode_t mode = 0644);
/// Makes the directory and its parents; the last one gets `mode`.
Status makeDirectories(const std::filesystem::path& path, mode_t mode = 0755);
/// open(2) with O_CLOEXEC; the error names the path.
Result<FileDescriptor> openFile(const std::filesystem::path& path, int flags, mode_t mode = 0644);
/// Writes all bytes, over short writes and EINTR.
Status writeAll(int fd, std::string_view bytes);

/// A directory that is removed with all that is in it when the object goes. For tests and for work in progress.
class TemporaryDirectory {
 public:
  explicit TemporaryDirectory(std::string_view prefix = "slipway");
  ~TemporaryDirectory();
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;

  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

}  // namespace slipway
