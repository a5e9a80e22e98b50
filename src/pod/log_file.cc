#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "base/strings.h"
#include "pod/cri_log.h"
#include "pod/log_pieces.h"

namespace slipway::pod {
namespace {

// Between the clock of a file server and that of the node that writes.
constexpr std::chrono::minutes kMostSkew{10};

/// Where the last `lines` lines begin: looks back from the end, chunk by chunk, for entries that end a line. Pieces
/// after the last of those are a line of their own.
Result<int64_t> tailStart(const LogBytes& log, int64_t lines, const std::string& stream) {
  if (lines == 0) return log.end();
  int64_t left = lines;
  bool seen_end = false;
  int64_t line_start = log.end();  // of the earliest line counted
  int64_t begin = log.end();
  std::string window;  // from `begin` to where the search has come
  while (begin > log.begin()) {
    const auto step = std::min<int64_t>(LogFile::kChunk, begin - log.begin());
    TRY(const std::string chunk, log.read(begin - step, begin));
    begin -= step;
    window.insert(0, chunk);
    while (!window.empty()) {
      const size_t body = window.back() == '\n' ? window.size() - 1 : window.size();
      const size_t before = body == 0 ? std::string::npos : window.rfind('\n', body - 1);
      if (before == std::string::npos && begin > log.begin()) break;  // the entry begins in an earlier chunk
      const size_t start = before == std::string::npos ? 0 : before + 1;
      if (endsShownLine(std::string_view(window).substr(start, body - start), stream)) {
        if (!seen_end && line_start < log.end()) --left;
        seen_end = true;
        if (left == 0) return line_start;
        --left;
      }
      line_start = begin + static_cast<int64_t>(start);
      window.resize(start);
    }
  }
  return log.begin();
}

/// Without the pieces in front that were written to for the last time before `since`.
void dropBefore(std::vector<LogPiece>& pieces, WallTime since) {
  struct stat info{};
  while (pieces.size() > 1 && ::stat(pieces.front().path.c_str(), &info) == 0 &&
         WallTime(std::chrono::seconds(info.st_mtim.tv_sec)) + kMostSkew < since) {
    pieces.erase(pieces.begin());
  }
}

}  // namespace

Result<LogFile> LogFile::openPiece(const std::filesystem::path& log, LogOptions options, int64_t offset,
                                   const std::vector<LogPiece>& pieces) {
  const auto after = std::find_if(pieces.begin(), pieces.end(), [&](const LogPiece& p) { return p.begin > offset; });
  // What was asked for may have gone: the oldest piece that is left comes next.
  const LogPiece piece = pieces.empty() ? LogPiece{0, log} : after == pieces.begin() ? pieces.front() : *(after - 1);
  TRY(FileDescriptor file, openFile(piece.path, O_RDONLY));
  LogFile out(log, std::move(file), std::move(options));
  out.begin_ = piece.begin;
  out.offset_ = std::max(offset, piece.begin);
  if (::lseek(out.file_.get(), out.offset_ - piece.begin, SEEK_SET) < 0) {
    return failure(Code::BadRequest, "log {}: {} is no place in it", log.string(), offset);
  }
  return out;
}

Result<LogFile> LogFile::openAt(const std::filesystem::path& log, LogOptions options, const LogPlace& place) {
  if (place.offset < 0) return failure(Code::BadRequest, "log {}: {} is no place in it", log.string(), place.offset);
  TRY(LogFile out, openPiece(log, std::move(options), place.offset, piecesOf(log)));
  out.reader_.goOnAt(place);
  return out;
}

Result<LogFile> LogFile::open(const std::filesystem::path& log, LogOptions options) {
  int64_t start = 0;
  if (options.tail_lines >= 0) {
    TRY(const LogBytes bytes, LogBytes::open(log));
    TRY(start, tailStart(bytes, options.tail_lines, options.stream));
  }
  std::vector<LogPiece> pieces = piecesOf(log);
  if (options.tail_lines < 0 && options.since) dropBefore(pieces, *options.since);
  return openPiece(log, std::move(options), start, pieces);
}

/// Goes on in the piece that follows. At the end of one its successor's name is known; one that was removed under a
/// slow reader is told by the file's own removal.
bool LogFile::nextPiece() {
  if (offset_ == begin_) return false;
  auto next = openFile(piecePath(log_, offset_), O_RDONLY);
  if (!next) {
    struct stat info{};
    if (::fstat(file_.get(), &info) != 0) return false;
    // A place beyond the end: the piece that has it was not to be seen yet when this one was opened.
    if (info.st_nlink > 0 && offset_ - begin_ <= info.st_size) return false;
    return jump();
  }
  file_ = std::move(*next);
  begin_ = offset_;
  return true;
}

/// To the piece that has the place, or else to the first one after it.
bool LogFile::jump() {
  const std::vector<LogPiece> pieces = piecesOf(log_);
  for (size_t i = 0; i < pieces.size(); ++i) {
    const bool before_place = i + 1 < pieces.size() && pieces[i + 1].begin <= offset_;
    if (pieces[i].begin <= begin_ || before_place) continue;
    auto next = openFile(pieces[i].path, O_RDONLY);
    if (!next) continue;
    file_ = std::move(*next);
    begin_ = pieces[i].begin;
    offset_ = std::max(offset_, begin_);
    return ::lseek(file_.get(), offset_ - begin_, SEEK_SET) >= 0;
  }
  return false;
}

Result<std::string> LogFile::read() {
  std::string buffer(kChunk, '\0');
  while (!done()) {
    const ssize_t got = ::read(file_.get(), buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return failure(errnoError("read a log", errno));
    if (got == 0 && nextPiece()) continue;
    at_end_ = got == 0;
    if (at_end_) return std::string();
    offset_ += got;
    std::string text = reader_.feed(std::string_view(buffer.data(), static_cast<size_t>(got)));
    if (!text.empty()) return text;
  }
  at_end_ = true;
  return std::string();
}

Result<ContainerLogFile> ContainerLogFile::open(const PodDirectory& directory, const site::v1::LogsRequest& request,
                                                WallTime now) {
  LogOptions options = logOptions(request, now);
  if (request.has_from()) {
    if (!isSafeFileName(request.container())) {
      return failure(Code::BadRequest, "\"{}\" is not a container name", request.container());
    }
    const site::v1::LogPosition& from = request.from();
    std::filesystem::path path = directory.log(request.container(), from.start());
    TRY(LogFile file, LogFile::openAt(path, std::move(options), {from.offset(), from.in_line(), from.limit_left()}));
    return ContainerLogFile(std::move(path), from.start(), std::move(file));
  }
  TRY(std::filesystem::path path, directory.newestLog(request.container(), request.previous()));
  TRY(LogFile file, LogFile::open(path, std::move(options)));
  const auto start = static_cast<uint32_t>(parseInt(path.stem().string()).value_or(0));
  return ContainerLogFile(std::move(path), start, std::move(file));
}

Result<site::v1::LogChunk> ContainerLogFile::read() {
  site::v1::LogChunk chunk;
  TRY(std::string text, file_.read());
  if (text.empty()) return chunk;
  chunk.set_data(std::move(text));
  const LogPlace place = file_.place();
  site::v1::LogPosition& next = *chunk.mutable_next();
  next.set_start(start_);
  next.set_offset(place.offset);
  next.set_in_line(place.in_line);
  next.set_limit_left(place.limit_bytes);
  return chunk;
}

}  // namespace slipway::pod
