#include "pod/cri_log.h"

#include "base/strings.h"

namespace slipway::pod {
namespace {

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

}  // namespace

bool endsShownLine(std::string_view line, const std::string& stream) {
  const auto entry = parseEntry(line);
  if (!entry) return true;
  return entry->full && (stream.empty() || entry->stream == stream);
}

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

}  // namespace slipway::pod
