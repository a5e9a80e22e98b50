#include "container/image_cache.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>

#include "async/task_group.h"
#include "base/log.h"
#include "base/strings.h"

namespace slipway::container {
namespace fs = std::filesystem;

struct ImageCache::Image {
  std::string name;
  fs::file_time_type used;
  int64_t bytes = 0;
};

Task<Result<FileDescriptor>> lockFile(fs::path path, int kind) {
  CO_TRY(FileDescriptor file, openFile(path, O_CREAT | O_RDWR));
  while (::flock(file.get(), kind | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK && errno != EINTR)
      co_return failure(errnoError(fmt::format("lock {}", path.string()), errno));
    co_await async::sleepFor(std::chrono::milliseconds(200));
  }
  co_return std::move(file);
}

Task<Status> ImageCache::hold(std::string name) {
  const fs::path path = root_ / "use" / name;
  if (!held_.contains(name)) {
    CO_TRY_STATUS(makeDirectories(root_ / "use", 0700));
    CO_TRY(FileDescriptor file, co_await lockFile(path, LOCK_SH));
    held_.insert_or_assign(name, std::move(file));
  }
  ::utimensat(AT_FDCWD, path.c_str(), nullptr, 0);
  co_return Status();
}

/// Measured once: an image does not change.
Task<Result<int64_t>> ImageCache::sizeOf(fs::path image) {
  if (const auto known = readFile(image / "size")) co_return parseInt(trim(*known)).value_or(0);
  async::Command command;
  command.argv = {"du", "-sk", image.string()};
  command.timeout = std::chrono::minutes(10);
  CO_TRY(const auto ran, co_await runner_->run(std::move(command)));
  const auto kibibytes = parseInt(splitOnce(trim(ran.output), '\t').first);
  if (!kibibytes) co_return failure(Code::InternalError, "du {}: {}", image.string(), trim(ran.errors));
  const int64_t bytes = *kibibytes * 1024;
  CO_TRY_STATUS(writeFileAtomic(image / "size", std::to_string(bytes)));
  co_return bytes;
}

Task<bool> ImageCache::remove(std::string name) {
  if (held_.contains(name)) co_return false;
  auto use = openFile(root_ / "use" / name, O_CREAT | O_RDWR);
  if (!use || ::flock(use->get(), LOCK_EX | LOCK_NB) != 0) co_return false;
  const fs::path trash = root_ / ("trash-" + name);
  std::error_code error;
  fs::rename(root_ / name, trash, error);
  if (error) co_return false;
  use->reset();
  log::info("image {} is taken out of the cache", name);
  // Folders of an image may forbid their owner to write.
  for (std::vector<std::string> argv : {std::vector<std::string>{"chmod", "-R", "u+rwX", trash.string()},
                                        std::vector<std::string>{"rm", "-rf", trash.string()}}) {
    async::Command command;
    command.argv = std::move(argv);
    command.timeout = std::chrono::minutes(10);
    const auto ran = co_await runner_->run(std::move(command));
    if (!ran) log::warn("image {}: {}", name, ran.error().message);
  }
  co_return true;
}

Task<Status> ImageCache::collect() {
  if (max_bytes_ <= 0) co_return Status();
  CO_TRY_STATUS(makeDirectories(root_ / "lock", 0700));
  CO_TRY(const FileDescriptor alone, openFile(root_ / "lock" / "collect", O_CREAT | O_RDWR));
  if (::flock(alone.get(), LOCK_EX | LOCK_NB) != 0) co_return Status();
  std::vector<Image> images;
  int64_t sum = 0;
  std::error_code error;
  std::vector<fs::path> folders;
  for (const auto& entry : fs::directory_iterator(root_, error)) {
    if (entry.path().filename().string().starts_with("sha256-")) folders.push_back(entry.path());
  }
  for (const fs::path& folder : folders) {
    CO_TRY(const int64_t bytes, co_await sizeOf(folder));
    const std::string name = folder.filename().string();
    const auto used = fs::last_write_time(root_ / "use" / name, error);
    images.push_back({name, error ? fs::file_time_type::min() : used, bytes});
    sum += bytes;
  }
  std::sort(images.begin(), images.end(), [](const Image& a, const Image& b) { return a.used < b.used; });
  for (const Image& each : images) {
    if (sum <= max_bytes_) break;
    const bool removed = co_await remove(each.name);
    if (removed) sum -= each.bytes;
  }
  if (sum > max_bytes_) log::info("the image cache has {} bytes of {}: the rest is in use", sum, max_bytes_);
  co_return Status();
}

}  // namespace slipway::container
