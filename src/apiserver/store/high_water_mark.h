#pragma once

#include <filesystem>

#include "base/files.h"

namespace slipway::apiserver {

/// The last acknowledged revision, kept beside the database.
///
/// To SQLite a damaged frame of its write-ahead log looks like the end of the log: what comes after it, acknowledged or
/// not, is gone without a word. A database that ends before this mark has lost writes. The mark is written after each
/// commit, which costs next to nothing, and synced by who owns it now and then: after a power loss it may be as old as
/// the last sync, never too high.
class HighWaterMark {
 public:
  static Result<HighWaterMark> open(const std::filesystem::path& path);

  /// 0 when there is none, or none that can be read.
  int64_t revision() const { return revision_; }
  void raise(int64_t revision);
  bool isSynced() const { return synced_ == revision_; }
  void sync();

 private:
  HighWaterMark(FileDescriptor file, int64_t revision)
      : file_(std::move(file)), revision_(revision), synced_(revision) {}

  FileDescriptor file_;
  int64_t revision_;
  int64_t synced_;  ///< survives a power loss
};

}  // namespace slipway::apiserver
