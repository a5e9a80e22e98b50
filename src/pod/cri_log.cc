#include "pod/cri_log.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "base/strings.h"

namespace slipway::pod {
namespace {

Result<std::string> readAt(int fd, off_t offset, size_t size) {
  std::string out(size, '\0');
  ssize_t got = 0;
  do {
    got = ::pread(fd, out.data(), size, offset);
  } while (got < 0 && errno == EINTR);
  if (got < 0) return failure(errnoError("read a log", errno));
  out.resize(static_cast<size_t>(got));
  return out;
}

struct Entry {
  std::string_view time;
  std::string_view stream;
  bool full = true;
  std::string_view text;
};

std::optional<Entry> parseEntry(std::string_view line) {
  const auto [time, after_time] = splitOnce(line, ' ');
  const auto [stream, after_stream] = splitOnce(after_time, ' ');
  const auto [tag, text] = splitOnce(after_stream, ' ');
  if (stream != "stdout" && stream != "stderr") return std::nullopt;
  if (tag != "F" && tag != "P") return std::nullopt;
  return Entry{time, stream, tag == "F", text};
}

/// Whether the entry ends a line that the reader will show.
bool endsShownLine(std::string_view line, const std::string& stream) {
  const auto entry = parseEntry(line);
  if (!entry) return true;
  return entry->full && (stream.empty() || entry->stream == stream);
}

/// Where the last `lines` lines begin: looks back from the end, chunk by chunk, for entries that end a line. Pieces
/// after the last of those are a line of their own.
Result<off_t> tailStart(int fd, off_t size, int64_t lines, const std::string& stream) {
  if (lines == 0) return size;
  int64_t left = lines;
  bool seen_end = false;
  off_t line_start = size;  // of the earliest line counted
  off_t begin = size;
  std::string window;  // from `begin` to where the search has come
  while (begin > 0) {
    const auto step = std::min<off_t>(LogFile::kChunk, begin);
    begin -= step;
    TRY(const std::string chunk, readAt(fd, begin, static_cast<size_t>(step)));
    window.insert(0, chunk);
    while (!window.empty()) {
      const size_t body = window.back() == '\n' ? window.size() - 1 : window.size();
      const size_t before = body == 0 ? std::string::npos : window.rfind('\n', body - 1);
      if (before == std::string::npos && begin > 0) break;  // the entry begins in an earlier chunk
      const size_t start = before == std::string::npos ? 0 : before + 1;
      if (endsShownLine(std::string_view(window).substr(start, body - start), stream)) {
        if (!seen_end && line_start < size) --left;
        seen_end = true;
        if (left == 0) return line_start;
        --left;
      }
      line_start = begin + static_cast<off_t>(start);
      window.resize(start);
    }
  }
  return 0;
}

}  // namespace

void CriLogWriter::entry(std::string& out, std::string_view text, bool full, WallTime now) const {
  out += formatNanoTime(now);
  out += ' ';
  out += stream_;
  out += full ? " F " : " P ";
  out += text;
  out += '\n';
}

std::string CriLogWriter::feed(std::string_view bytes, WallTime now) {
  std::string out;
  while (!bytes.empty()) {
    const size_t end = bytes.find('\n');
    const size_t piece = std::min(end == std::string_view::npos ? bytes.size() : end, kMaxEntry - partial_.size());
    partial_ += bytes.substr(0, piece);
    bytes.remove_prefix(piece);
    if (!bytes.empty() && bytes[0] == '\n') {
      entry(out, partial_, true, now);
      partial_.clear();
      bytes.remove_prefix(1);
    } else if (partial_.size() == kMaxEntry) {
      entry(out, partial_, false, now);
      partial_.clear();
    }
  }
  return out;
}

std::string CriLogWriter::flush(WallTime now) {
  std::string out;
  if (!partial_.empty()) entry(out, partial_, false, now);
  partial_.clear();
  return out;
}

LogOptions logOptions(const site::v1::LogsRequest& request, WallTime now) {
  LogOptions options;
  options.timestamps = request.timestamps();
  options.tail_lines = request.tail_lines();
  options.limit_bytes = request.limit_bytes();
  if (request.since_time_ns() != 0) {
    options.since = WallTime(std::chrono::nanoseconds(request.since_time_ns()));
  } else if (request.since_seconds() >= 0) {
    options.since = now - std::chrono::seconds(request.since_seconds());
  }
  if (equalsIgnoreCase(request.stream(), "stdout")) options.stream = "stdout";
  if (equalsIgnoreCase(request.stream(), "stderr")) options.stream = "stderr";
  return options;
}

void CriLogReader::put(std::string_view text, std::string& out) {
  if (options_.limit_bytes >= 0) {
    text = text.substr(0, static_cast<size_t>(options_.limit_bytes));
    options_.limit_bytes -= static_cast<int64_t>(text.size());
  }
  out += text;
}

void CriLogReader::line(std::string_view text, std::string& out) {
  const auto entry = parseEntry(text);
  if (!entry) {
    put(text, out);
    put("\n", out);
    return;
  }
  if (!options_.stream.empty() && entry->stream != options_.stream) return;
  if (options_.since) {
    const auto time = parseTime(entry->time);
    if (time && *time < *options_.since) return;
    options_.since.reset();  // entries are in order: everything from here on is shown
  }
  if (options_.timestamps && at_line_start_) {
    put(entry->time, out);
    put(" ", out);
  }
  put(entry->text, out);
  if (entry->full) put("\n", out);
  at_line_start_ = entry->full;
}

std::string CriLogReader::feed(std::string_view bytes) {
  std::string out;
  while (!bytes.empty() && !done()) {
    const size_t end = bytes.find('\n');
    if (end == std::string_view::npos) {
      pending_ += bytes;
      break;
    }
    if (pending_.empty()) {
      line(bytes.substr(0, end), out);
    } else {
      pending_ += bytes.substr(0, end);
      line(pending_, out);
      pending_.clear();
    }
    bytes.remove_prefix(end + 1);
  }
  return out;
}

std::string CriLogReader::finish() {
  std::string out;
  if (!pending_.empty() && !done() && parseEntry(pending_)) line(pending_, out);
  pending_.clear();
  return out;
}

void CriLogReader::goOnAt(const LogPlace& place) {
  at_line_start_ = !place.in_line;
  options_.limit_bytes = place.limit_bytes;
  options_.since.reset();
}

Result<LogFile> LogFile::openAt(const std::filesystem::path& path, LogOptions options, const LogPlace& place) {
  TRY(FileDescriptor file, openFile(path, O_RDONLY));
  if (place.offset < 0 || ::lseek(file.get(), place.offset, SEEK_SET) < 0) {
    return failure(Code::BadRequest, "log {}: {} is no place in it", path.string(), place.offset);
  }
  LogFile log(std::move(file), std::move(options));
  log.offset_ = place.offset;
  log.reader_.goOnAt(place);
  return log;
}

Result<LogFile> LogFile::open(const std::filesystem::path& path, LogOptions options) {
  TRY(FileDescriptor file, openFile(path, O_RDONLY));
  if (options.tail_lines >= 0) {
    struct stat info{};
    if (::fstat(file.get(), &info) != 0) return failure(errnoError(fmt::format("stat {}", path.string()), errno));
    TRY(const off_t start, tailStart(file.get(), info.st_size, options.tail_lines, options.stream));
    ::lseek(file.get(), start, SEEK_SET);
    LogFile log(std::move(file), std::move(options));
    log.offset_ = start;
    return log;
  }
  return LogFile(std::move(file), std::move(options));
}

Result<std::string> LogFile::read() {
  std::string buffer(kChunk, '\0');
  while (!done()) {
    const ssize_t got = ::read(file_.get(), buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return failure(errnoError("read a log", errno));
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
