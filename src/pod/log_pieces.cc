#include "pod/log_pieces.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "base/strings.h"
#include "pod/cri_log.h"

namespace slipway::pod {
namespace fs = std::filesystem;
namespace {

constexpr std::string_view kLogSuffix = ".log";

Status readExactly(int fd, off_t offset, std::string& out, size_t size) {
  const size_t before = out.size();
  out.resize(before + size);
  size_t done = 0;
  while (done < size) {
    const ssize_t got = ::pread(fd, out.data() + before + done, size - done, offset + static_cast<off_t>(done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return failure(errnoError("read a log", errno));
    if (got == 0) break;  // cut off meanwhile
    done += static_cast<size_t>(got);
  }
  out.resize(before + done);
  return {};
}

}  // namespace

fs::path piecePath(const fs::path& log, int64_t begin) {
  return begin == 0 ? log : fs::path(fmt::format("{}.{}", log.string(), begin));
}

int64_t startOfLogFile(std::string_view file_name) {
  const size_t dot = file_name.find(kLogSuffix);
  if (dot == std::string_view::npos) return -1;
  const std::string_view rest = file_name.substr(dot + kLogSuffix.size());
  if (!rest.empty() && (rest[0] != '.' || !parseInt(rest.substr(1)))) return -1;
  return parseInt(file_name.substr(0, dot)).value_or(-1);
}

std::vector<LogPiece> piecesOf(const fs::path& log) {
  std::vector<LogPiece> out;
  const std::string name = log.filename().string();
  std::error_code error;
  for (fs::directory_iterator it(log.parent_path(), error), end; !error && it != end; it.increment(error)) {
    const std::string each = it->path().filename().string();
    if (each == name) {
      out.push_back({0, it->path()});
    } else if (each.starts_with(name + ".")) {
      if (const auto begin = parseInt(std::string_view(each).substr(name.size() + 1)); begin && *begin > 0)
        out.push_back({*begin, it->path()});
    }
  }
  std::sort(out.begin(), out.end(), [](const LogPiece& a, const LogPiece& b) { return a.begin < b.begin; });
  return out;
}

void removeLogsBefore(const fs::path& folder, int64_t oldest) {
  std::vector<fs::path> old;
  std::error_code error;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    const int64_t start = startOfLogFile(it->path().filename().string());
    if (start >= 0 && start < oldest) old.push_back(it->path());
  }
  for (const fs::path& each : old) fs::remove(each, error);
}

Result<LogBytes> LogBytes::open(const fs::path& log) {
  LogBytes out;
  for (const LogPiece& each : piecesOf(log)) {
    if (auto file = openFile(each.path, O_RDONLY)) out.pieces_.push_back({each.begin, std::move(*file)});
  }
  if (out.pieces_.empty()) return failure(errnoError(fmt::format("open {}", log.string()), ENOENT));
  struct stat info{};
  if (::fstat(out.pieces_.back().file.get(), &info) != 0) {
    return failure(errnoError(fmt::format("stat {}", log.string()), errno));
  }
  out.end_ = out.pieces_.back().begin + info.st_size;
  return out;
}

Result<std::string> LogBytes::read(int64_t from, int64_t to) const {
  std::string out;
  for (size_t i = 0; i < pieces_.size() && from < to; ++i) {
    const int64_t end = i + 1 < pieces_.size() ? pieces_[i + 1].begin : end_;
    if (from >= end) continue;
    const int64_t until = std::min(to, end);
    TRY_STATUS(readExactly(pieces_[i].file.get(), from - pieces_[i].begin, out, static_cast<size_t>(until - from)));
    from = until;
  }
  return out;
}

Result<std::string> endOfLog(const fs::path& log, size_t lines, size_t bytes) {
  constexpr int64_t kMostRead = 64 * 1024;
  TRY(const LogBytes all, LogBytes::open(log));
  const int64_t from = std::max(all.begin(), all.end() - kMostRead);
  TRY(const std::string entries, all.read(from, all.end()));
  std::string_view whole = entries;
  if (from > all.begin()) whole.remove_prefix(std::min(whole.size(), whole.find('\n') + 1));
  CriLogReader reader({});
  std::string text = reader.feed(whole);
  text += reader.finish();
  if (text.size() > bytes) text.erase(0, text.size() - bytes);
  size_t begin = text.size();
  for (size_t left = lines; left > 0 && begin > 0; --left) {
    const size_t before = begin < 2 ? std::string::npos : text.rfind('\n', begin - 2);
    begin = before == std::string::npos ? 0 : before + 1;
  }
  return text.substr(begin);
}

}  // namespace slipway::pod
