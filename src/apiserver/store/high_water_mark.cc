#include "apiserver/store/high_water_mark.h"

#include <fcntl.h>
#include <unistd.h>
#include <zlib.h>

#include "base/strings.h"

namespace slipway::apiserver {
namespace {

constexpr size_t kDigits = 20;
constexpr size_t kSize = kDigits + 10;

/// One line, shorter than what a disk writes at once.
std::string lineOf(int64_t revision) {
  const std::string digits = fmt::format("{:020}", revision);
  const uLong sum = crc32_z(0, reinterpret_cast<const Bytef*>(digits.data()), digits.size());
  return fmt::format("{} {:08x}\n", digits, sum);
}

}  // namespace

Result<HighWaterMark> HighWaterMark::open(const std::filesystem::path& path) {
  TRY(FileDescriptor file, openFile(path, O_RDWR | O_CREAT, 0600));
  std::string line(kSize, '\0');
  const ssize_t got = ::pread(file.get(), line.data(), line.size(), 0);
  int64_t revision = 0;
  if (got == static_cast<ssize_t>(kSize)) revision = parseInt(line.substr(0, kDigits)).value_or(0);
  if (lineOf(revision) != line) revision = 0;
  return HighWaterMark(std::move(file), revision);
}

void HighWaterMark::raise(int64_t revision) {
  if (revision <= revision_) return;
  revision_ = revision;
  const std::string line = lineOf(revision);
  // A mark that cannot be written notices less; no write must fail for it.
  [[maybe_unused]] const ssize_t done = ::pwrite(file_.get(), line.data(), line.size(), 0);
}

void HighWaterMark::sync() {
  if (!isSynced() && ::fdatasync(file_.get()) == 0) synced_ = revision_;
}

}  // namespace slipway::apiserver
