#include "supervisor/container_log.h"

#include <fcntl.h>

#include "base/log.h"

namespace slipway::supervisor {

Result<std::shared_ptr<ContainerLog>> ContainerLog::create(const std::filesystem::path& path) {
  TRY_STATUS(makeDirectories(path.parent_path(), 0700));
  TRY(FileDescriptor file, openFile(path, O_CREAT | O_WRONLY | O_APPEND, 0600));
  return std::make_shared<ContainerLog>(std::move(file));
}

void ContainerLog::append(const std::string& text) {
  if (text.empty()) return;
  if (const Status written = writeAll(file_.get(), text); !written) log::warn("log: {}", written.error().message);
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
