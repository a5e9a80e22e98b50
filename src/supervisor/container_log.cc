#include "supervisor/container_log.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"

namespace slipway::supervisor {

Result<std::shared_ptr<ContainerLog>> ContainerLog::create(std::filesystem::path path, pod::LogLimits limits) {
  TRY_STATUS(makeDirectories(path.parent_path(), 0700));
  auto log = std::make_shared<ContainerLog>(std::move(path), limits);
  if (const auto pieces = pod::piecesOf(log->path_); !pieces.empty()) log->begin_ = pieces.back().begin;
  TRY_STATUS(log->openPiece());
  return log;
}

Status ContainerLog::openPiece() {
  TRY(FileDescriptor file, openFile(pod::piecePath(path_, begin_), O_CREAT | O_WRONLY | O_APPEND, 0600));
  struct stat info{};
  if (::fstat(file.get(), &info) != 0) return failure(errnoError(fmt::format("stat {}", path_.string()), errno));
  file_ = std::move(file);
  size_ = info.st_size;
  return {};
}

Status ContainerLog::put(const std::string& text) {
  const auto size = static_cast<int64_t>(text.size());
  if (size_ > 0 && size_ + size > limits_.piece_bytes) {
    const int64_t before = begin_;
    begin_ += size_;
    if (const Status opened = openPiece(); !opened) {
      begin_ = before;
      return opened;
    }
    auto pieces = pod::piecesOf(path_);
    const auto kept = static_cast<size_t>(std::max<int64_t>(limits_.pieces, 1));
    for (size_t i = 0; i + kept < pieces.size(); ++i) ::unlink(pieces[i].path.c_str());
  }
  const Status written = writeAll(file_.get(), text);
  // No half an entry.
  if (written) {
    size_ += size;
  } else if (::ftruncate(file_.get(), size_) != 0) {
    log::warn("log {}: {}", path_.string(), errnoError("truncate", errno).message);
  }
  return written;
}

void ContainerLog::append(const std::string& text) {
  if (text.empty()) return;
  const Status written = put(text);
  if (!written && !failing_) log::warn("log {}: lines are lost: {}", path_.string(), written.error().message);
  failing_ = !written;
  event_.pulse();
}

void ContainerLog::write(int stream, std::string_view bytes, WallTime now) {
  append(writers_[stream].feed(bytes, now));
}

void ContainerLog::flush(WallTime now) {
  for (pod::CriLogWriter& writer : writers_) append(writer.flush(now));
}

void ContainerLog::end(WallTime now) {
  flush(now);
  ended_ = true;
  event_.pulse();
}

Task<void> ContainerLog::changed() {
  if (!ended_) co_await event_.waitFor(std::chrono::seconds(1));
}

}  // namespace slipway::supervisor
