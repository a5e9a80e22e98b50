#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <string>

#include "async/process.h"
#include "base/files.h"

namespace slipway::container {

/// Keeps the converted images below a size. Which of them are in use is told by shared locks, which go with the process
/// that holds them, however it ends; when each was used last, by the time of its file.
///
/// Life cycle: hold() before an image is used; it stays held as long as this lives. collect() after one was added.
class ImageCache {
 public:
  ImageCache(std::filesystem::path root, int64_t max_bytes, std::shared_ptr<async::ProcessRunner> runner)
      : root_(std::move(root)), max_bytes_(max_bytes), runner_(std::move(runner)) {}

  /// Marks the image as used, by this process and now. Waits while another is taking it away: look again after.
  Task<Status> hold(std::string name);
  /// Takes away what was used longest ago and is not in use, until the rest fits. One process at a time; when another
  /// is at it, nothing is done.
  Task<Status> collect();

 private:
  struct Image;
  Task<Result<int64_t>> sizeOf(std::filesystem::path image);
  Task<bool> remove(std::string name);

  std::filesystem::path root_;
  int64_t max_bytes_;
  std::shared_ptr<async::ProcessRunner> runner_;
  std::map<std::string, FileDescriptor> held_;
};

/// flock(2) with LOCK_EX or LOCK_SH held by this process, waited for without blocking the loop.
Task<Result<FileDescriptor>> lockFile(std::filesystem::path path, int kind);

}  // namespace slipway::container
