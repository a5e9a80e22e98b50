#include "supervisor/disk_usage.h"

#include <sys/stat.h>

#include "async/task_group.h"
#include "base/strings.h"

namespace slipway::supervisor {
namespace fs = std::filesystem;

namespace {

constexpr int kEntriesAtOnce = 500;
constexpr int64_t kBlock = 512;

int64_t blocksOf(const fs::path& path) {
  struct stat info{};
  return ::lstat(path.c_str(), &info) == 0 ? info.st_blocks * kBlock : 0;
}

}  // namespace

Task<int64_t> diskUsage(fs::path folder) {
  int64_t sum = blocksOf(folder);
  int seen = 0;
  std::error_code error;
  for (auto it = fs::recursive_directory_iterator(folder, fs::directory_options::skip_permission_denied, error);
       !error && it != fs::recursive_directory_iterator(); it.increment(error)) {
    sum += blocksOf(it->path());
    if (++seen % kEntriesAtOnce == 0) co_await async::sleepFor(std::chrono::milliseconds(1));
  }
  co_return sum;
}

std::string binarySize(int64_t bytes) {
  constexpr std::string_view kUnits[] = {"", "Ki", "Mi", "Gi", "Ti"};
  size_t unit = 0;
  while (bytes != 0 && bytes % 1024 == 0 && unit + 1 < std::size(kUnits)) {
    bytes /= 1024;
    ++unit;
  }
  return fmt::format("{}{}", bytes, kUnits[unit]);
}

}  // namespace slipway::supervisor
