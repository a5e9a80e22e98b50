#pragma once

#include <filesystem>

#include "base/files.h"

namespace slipway::apiserver {

/// The last acknowledged revision, kept beside the database.
///
/// To SQLite a damaged frame of its write-ahead log looks like the end of the log: what comes after it, acknowledged or
/// not, is gone without a word. A database that ends before this mark has lost writes. The mark is written after each
/// commit and not synced, so that it costs nothing: after a power loss it may be some seconds old, never too high.
class HighWaterMark {
 public:
  static Result<HighWaterMark> open(const std::filesystem::path& path);

  /// 0 when there is none, or none that can be read.
  int64_t revision() const { return revision_; }
  void raise(int64_t revision);

 private:
  HighWaterMark(FileDescriptor file, int64_t revision) : file_(std::move(file)), revision_(revision) {}

  FileDescriptor file_;
  int64_t revision_;
};

}  // namespace slipway::apiserver
