#include "agent/logs.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "base/files.h"
#include "base/strings.h"
#include "pod/cri_log.h"

namespace slipway::agent {
namespace {

/// Network file systems have no inotify: followers look.
constexpr auto kLookEvery = std::chrono::milliseconds(200);
constexpr size_t kChunk = 64 * 1024;

Task<Status> sendText(tunnel::ServerCall& call, std::string text) {
  site::v1::LogChunk chunk;
  chunk.set_data(std::move(text));
  std::string bytes = chunk.SerializeAsString();
  co_return co_await call.send(std::move(bytes));
}

/// Where the last `lines` lines begin.
off_t tailOf(int fd, off_t size, int64_t lines) {
  std::string buffer(kChunk, '\0');
  off_t at = size;
  bool last = true;
  while (at > 0) {
    const auto step = std::min<off_t>(static_cast<off_t>(kChunk), at);
    const ssize_t got = ::pread(fd, buffer.data(), static_cast<size_t>(step), at - step);
    if (got != step) return 0;
    for (off_t i = step; i-- > 0;) {
      if (buffer[static_cast<size_t>(i)] != '\n') {
        last = false;
        continue;
      }
      if (std::exchange(last, false)) continue;  // the newline that ends the file
      if (--lines <= 0) return at - step + i + 1;
    }
    at -= step;
  }
  return 0;
}

Result<FileDescriptor> openOutput(const site::v1::Job& job) {
  const std::string& path = job.std_out();
  if (path.empty() || path[0] != '/' || path == "/dev/null") {
    return failure(Code::NotFound, "job {} has no output file", job.id());
  }
  TRY(FileDescriptor file, openFile(path, O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_NOCTTY));
  struct stat info{};
  if (::fstat(file.get(), &info) != 0) return failure(errnoError(fmt::format("stat {}", path), errno));
  if (!S_ISREG(info.st_mode)) return failure(Code::Forbidden, "job {}: {} is not a regular file", job.id(), path);
  if (info.st_uid != job.uid()) {
    return failure(Code::Forbidden, "job {}: {} does not belong to the job's user {}", job.id(), path, job.user());
  }
  return file;
}

}  // namespace

Task<Status> serveJobOutput(tunnel::ServerCall& call, site::v1::LogsRequest request, site::v1::Job job,
                            StillWritten still_written) {
  std::optional<FileDescriptor> file;
  int64_t left = request.limit_bytes() < 0 ? INT64_MAX : request.limit_bytes();
  std::string buffer(kChunk, '\0');
  while (true) {
    const bool more_comes = request.follow() && still_written();
    if (!file) {
      auto opened = openOutput(job);
      const bool wait = !opened && opened.error().is(Code::NotFound) && more_comes;
      if (!opened && !wait) co_return failure(opened.error());
      if (opened) {
        file.emplace(std::move(*opened));
        struct stat info{};
        if (request.tail_lines() >= 0 && ::fstat(file->get(), &info) == 0) {
          const off_t start =
              request.tail_lines() == 0 ? info.st_size : tailOf(file->get(), info.st_size, request.tail_lines());
          ::lseek(file->get(), start, SEEK_SET);
        }
      }
    }
    while (file && left > 0) {
      const ssize_t got = ::read(file->get(), buffer.data(), static_cast<size_t>(std::min<int64_t>(left, kChunk)));
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) co_return failure(errnoError(fmt::format("read {}", job.std_out()), errno));
      if (got == 0) break;
      left -= got;
      CO_TRY_STATUS(co_await sendText(call, buffer.substr(0, static_cast<size_t>(got))));
    }
    if (!more_comes || left <= 0) co_return Status{};
    co_await async::sleepFor(kLookEvery);
  }
}

}  // namespace slipway::agent
