#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/files.h"
#include "pod/layout.h"
#include "pod/log_pieces.h"
#include "proto/site.pb.h"

/// Logs of containers in CRI form, one entry a line: "<RFC3339Nano> <stdout|stderr> <P|F> <text>\n". F ends a line of
/// the container; P is a piece of a line that is longer than kMaxEntry or that the container never ended.
namespace slipway::pod {

/// Makes entries of what one stream of a container writes. Pure: the caller appends the text to the file.
class CriLogWriter {
 public:
  static constexpr size_t kMaxEntry = 16 * 1024;
  explicit CriLogWriter(std::string stream) : stream_(std::move(stream)) {}

  /// Entries for the lines that are complete now, or "".
  std::string feed(std::string_view bytes, WallTime now);
  /// What is left without an end of line, as P; at the end of the stream, or after a while without more.
  std::string flush(WallTime now);
  bool hasPartial() const { return !partial_.empty(); }

 private:
  void entry(std::string& out, std::string_view text, bool full, WallTime now) const;
  std::string stream_;
  std::string partial_;
};

struct LogOptions {
  bool timestamps = false;
  int64_t tail_lines = -1;  ///< -1: all
  std::optional<WallTime> since;
  int64_t limit_bytes = -1;  ///< -1: no limit
  std::string stream;        ///< "stdout" or "stderr"; empty: both
};
/// Between two entries of a log file: where to go on with the same options.
struct LogPlace {
  int64_t offset = 0;
  bool in_line = false;  ///< the last entry given out was not the end of its line
  int64_t limit_bytes = -1;
};
LogOptions logOptions(const site::v1::LogsRequest& request, WallTime now);

/// Whether an entry of a log ends a line that a reader of this stream (empty: both) will show.
bool endsShownLine(std::string_view entry, const std::string& stream);

/// Turns CRI text, fed in pieces of any size, into what kubectl prints. `tail_lines` is not its business (LogFile's).
/// A line that is not CRI is printed as it is.
class CriLogReader {
 public:
  explicit CriLogReader(LogOptions options) : options_(std::move(options)) {}
  std::string feed(std::string_view bytes);
  /// At the end of the file: an entry that was cut off by a crash.
  std::string finish();
  /// limit_bytes has been given out: nothing more will come.
  bool done() const { return options_.limit_bytes == 0; }
  /// Bytes that were fed and are not given out: the beginning of an entry.
  size_t pending() const { return pending_.size(); }
  LogPlace placeAt(int64_t offset) const { return {offset, !at_line_start_, options_.limit_bytes}; }
  void goOnAt(const LogPlace& place);

 private:
  void line(std::string_view entry, std::string& out);
  void put(std::string_view text, std::string& out);
  LogOptions options_;
  std::string pending_;
  bool at_line_start_ = true;
};

/// The log of one start, with all its pieces (log_pieces.h), being read from where `tail_lines` says. read() never
/// blocks on a writer: "" means that there is nothing new now; a follower calls it again when something was written
/// (the supervisor knows; others look every 200 ms).
class LogFile {
 public:
  static constexpr size_t kChunk = 64 * 1024;
  /// `log` names the first piece, whether it is still there or not.
  static Result<LogFile> open(const std::filesystem::path& log, LogOptions options);
  /// What follows a place that another reader of the same log had come to.
  static Result<LogFile> openAt(const std::filesystem::path& log, LogOptions options, const LogPlace& place);
  /// Behind all that read() has given out.
  LogPlace place() const { return reader_.placeAt(offset_ - static_cast<int64_t>(reader_.pending())); }

  Result<std::string> read();
  /// True when read() has reached the end of what is there now.
  bool atEnd() const { return at_end_; }
  bool done() const { return reader_.done(); }

 private:
  LogFile(std::filesystem::path log, FileDescriptor file, LogOptions options)
      : log_(std::move(log)), file_(std::move(file)), reader_(std::move(options)) {}
  static Result<LogFile> openPiece(const std::filesystem::path& log, LogOptions options, int64_t offset,
                                   const std::vector<LogPiece>& pieces);
  bool nextPiece();
  bool jump();
  std::filesystem::path log_;
  FileDescriptor file_;
  CriLogReader reader_;
  int64_t begin_ = 0;   ///< of the piece
  int64_t offset_ = 0;  ///< in the whole log
  bool at_end_ = false;
};

/// What is read of a container's logs: which start's, from where, and how that is told (LogChunk.next).
class ContainerLogFile {
 public:
  /// The newest start's file (or the one before), or the one that the request goes on in.
  static Result<ContainerLogFile> open(const PodDirectory& directory, const site::v1::LogsRequest& request,
                                       WallTime now);
  /// Nothing new now: an empty chunk.
  Result<site::v1::LogChunk> read();
  bool done() const { return file_.done(); }
  uint32_t start() const { return start_; }
  const std::filesystem::path& path() const { return path_; }

 private:
  ContainerLogFile(std::filesystem::path path, uint32_t start, LogFile file)
      : path_(std::move(path)), start_(start), file_(std::move(file)) {}
  std::filesystem::path path_;
  uint32_t start_;
  LogFile file_;
};

}  // namespace slipway::pod
