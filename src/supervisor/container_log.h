#pragma once

#include <filesystem>
#include <memory>

#include "async/event.h"
#include "base/files.h"
#include "pod/cri_log.h"

namespace slipway::supervisor {

/// The log of one start of a container: what its streams write goes to the file at once and wakes those who follow.
class ContainerLog {
 public:
  static Result<std::shared_ptr<ContainerLog>> create(const std::filesystem::path& path);
  explicit ContainerLog(FileDescriptor file) : file_(std::move(file)) {}

  /// `stream` 0 is stdout, 1 is stderr.
  void write(int stream, std::string_view bytes, WallTime now);
  /// Pieces of unended lines go out too.
  void flush(WallTime now);
  /// Nothing more will come.
  void end(WallTime now);

  bool ended() const { return ended_; }
  /// Completes at the next write or at the end, or after a second in case the file was changed by somebody else.
  Task<void> changed();

 private:
  void append(const std::string& text);
  FileDescriptor file_;
  pod::CriLogWriter writers_[2] = {pod::CriLogWriter("stdout"), pod::CriLogWriter("stderr")};
  async::Event event_;
  bool ended_ = false;
};

}  // namespace slipway::supervisor
