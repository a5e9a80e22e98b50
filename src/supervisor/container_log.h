#pragma once

#include <filesystem>
#include <memory>

#include "async/event.h"
#include "base/files.h"
#include "pod/cri_log.h"
#include "pod/log_pieces.h"

namespace slipway::supervisor {

/// The log of one start of a container: what its streams write goes to the file at once and wakes those who follow. It
/// is kept within limits, a file at a time (pod/log_pieces.h). What cannot be written, to a full disk for example, is
/// lost as a whole entry and said once.
class ContainerLog {
 public:
  /// Goes on with a log that is there.
  static Result<std::shared_ptr<ContainerLog>> create(std::filesystem::path path, pod::LogLimits limits = {});
  ContainerLog(std::filesystem::path path, pod::LogLimits limits) : path_(std::move(path)), limits_(limits) {}

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
  Status openPiece();
  Status put(const std::string& text);
  void append(const std::string& text);
  std::filesystem::path path_;
  pod::LogLimits limits_;
  FileDescriptor file_;
  int64_t begin_ = 0;  ///< of the piece, in the whole log
  int64_t size_ = 0;   ///< of the piece
  bool failing_ = false;
  pod::CriLogWriter writers_[2] = {pod::CriLogWriter("stdout"), pod::CriLogWriter("stderr")};
  async::Event event_;
  bool ended_ = false;
};

}  // namespace slipway::supervisor
