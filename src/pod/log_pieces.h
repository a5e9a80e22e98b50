#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/files.h"

/// The log of one start of a container is a file `<n>.log`; when that has grown to the limit, the log goes on in
/// `<n>.log.<begin>`, where <begin> says how many bytes were written before it. The oldest pieces are removed first.
/// Places in a log are counted over all pieces that ever were, so they stay right when old ones go, and the name of a
/// piece's successor is known from its end.
namespace slipway::pod {

struct LogLimits {
  int64_t piece_bytes = int64_t{256} * 1024 * 1024;  ///< of one file
  int64_t pieces = 5;                                ///< files of one start; the oldest goes when another begins
};

struct LogPiece {
  int64_t begin = 0;
  std::filesystem::path path;
};
/// What is there of a log, in order; none if there is no such log.
std::vector<LogPiece> piecesOf(const std::filesystem::path& log);
std::filesystem::path piecePath(const std::filesystem::path& log, int64_t begin);
/// The number of the start whose log a file belongs to, or -1.
int64_t startOfLogFile(std::string_view file_name);
/// Removes the logs of starts before `oldest` from a container's folder.
void removeLogsBefore(const std::filesystem::path& folder, int64_t oldest);

/// Bytes of a log as it is now, by their place in it. Pieces that go meanwhile stay readable.
class LogBytes {
 public:
  static Result<LogBytes> open(const std::filesystem::path& log);
  int64_t begin() const { return pieces_.front().begin; }
  int64_t end() const { return end_; }
  /// Exactly [from, to); both lie between begin() and end().
  Result<std::string> read(int64_t from, int64_t to) const;

 private:
  struct Piece {
    int64_t begin;
    FileDescriptor file;
  };
  std::vector<Piece> pieces_;
  int64_t end_ = 0;
};

/// The last lines of a log as text, for a termination message: at most so many lines and bytes, whatever the log holds.
Result<std::string> endOfLog(const std::filesystem::path& log, size_t lines, size_t bytes);

}  // namespace slipway::pod
