#include "supervisor/scratch_sweep.h"

#include <fcntl.h>
#include <re2/re2.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "async/blocking.h"
#include "base/guarded_files.h"
#include "base/log.h"

namespace slipway::supervisor {
namespace fs = std::filesystem;
namespace {

constexpr const char* kMark = "in-use";

/// The mark takes its name when it is locked already: whoever sweeps never sees it otherwise.
Result<FileDescriptor> holdFolder(const fs::path& folder) {
  const fs::path mark = folder / kMark;
  if (auto there = openFile(mark, O_RDWR | O_NOFOLLOW)) {
    if (::flock(there->get(), LOCK_SH | LOCK_NB) == 0) return there;
    return failure(Code::Conflict, "{}: it is being removed", folder.string());
  }
  const fs::path made = folder / fmt::format("{}-{}", kMark, ::getpid());
  TRY(FileDescriptor file, openFile(made, O_CREAT | O_RDWR | O_NOFOLLOW, 0600));
  if (::flock(file.get(), LOCK_SH) != 0) return failure(errnoError(mark.string(), errno));
  std::error_code error;
  fs::rename(made, mark, error);
  if (error) return failure(errnoError(fmt::format("rename {}", made.string()), error.value()));
  return file;
}

bool isOfAPod(const std::string& name) {
  static const re2::RE2 kName("slipway-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}-[0-9]+(-node[0-9]+)?");
  return re2::RE2::FullMatch(name, kName);
}

/// Locked by nobody, and by us from here on; invalid otherwise.
FileDescriptor abandonedMark(const fs::path& folder) {
  struct stat info{};
  if (::lstat(folder.c_str(), &info) != 0 || !S_ISDIR(info.st_mode) || info.st_uid != ::geteuid()) return {};
  auto mark = openFile(folder / kMark, O_RDWR | O_NOFOLLOW);
  if (!mark || ::flock(mark->get(), LOCK_EX | LOCK_NB) != 0) return {};
  return std::move(*mark);
}

}  // namespace

Result<std::vector<FileDescriptor>> holdFolders(const Scratch& scratch) {
  std::vector<FileDescriptor> out;
  for (const fs::path& folder : {scratch.disk, scratch.memory}) {
    TRY(FileDescriptor held, holdFolder(folder));
    out.push_back(std::move(held));
  }
  return out;
}

int sweepFolder(const fs::path& folder) {
  int swept = 0;
  std::error_code error;
  std::vector<fs::path> found;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    if (isOfAPod(entry.path().filename().string())) found.push_back(entry.path());
  }
  for (const fs::path& each : found) {
    const FileDescriptor mark = abandonedMark(each);
    if (!mark.valid()) continue;
    const Status removed = removeTree(each);
    if (!removed) log::warn("{}", removed.error().message);
    if (removed) ++swept;
  }
  return swept;
}

Task<void> sweepScratch(fs::path disk, fs::path memory) {
  async::BlockingPool thread(1);
  const int swept = co_await thread.run([&] { return sweepFolder(memory) + sweepFolder(disk); });
  if (swept > 0) log::info("removed {} folders that pods had left on this node", swept);
}

}  // namespace slipway::supervisor
