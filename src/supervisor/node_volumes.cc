#include "supervisor/node_volumes.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/guarded_files.h"
#include "supervisor/scratch_sweep.h"

namespace slipway::supervisor {
namespace fs = std::filesystem;

NodeVolumes::NodeVolumes(Scratch scratch, uint32_t rank)
    : lock_(scratch.disk.string() + ".lock"),
      holders_(scratch.disk / "ranks"),
      holder_(std::to_string(rank)),
      volumes_(std::move(scratch)) {}

Result<FileDescriptor> NodeVolumes::lock() const {
  while (true) {
    TRY(FileDescriptor file, openFile(lock_, O_CREAT | O_RDWR | O_NOFOLLOW, 0600));
    struct stat owned{};
    if (::fstat(file.get(), &owned) != 0 || owned.st_uid != ::geteuid()) {
      return failure(Code::Forbidden, "{} belongs to another user; remove it, or set TMPDIR", lock_.string());
    }
    if (::flock(file.get(), LOCK_EX) != 0) return failure(errnoError(lock_.string(), errno));
    // Whoever went last has removed the file under us.
    struct stat held{};
    struct stat named{};
    if (::fstat(file.get(), &held) == 0 && ::stat(lock_.c_str(), &named) == 0 && held.st_ino == named.st_ino)
      return file;
  }
}

Result<std::unique_ptr<NodeVolumes>> NodeVolumes::enter(Scratch scratch, uint32_t rank, const site::v1::PodPlan& plan,
                                                        const std::function<Status(PodVolumes&)>& make) {
  std::error_code error;
  fs::create_directories(scratch.disk.parent_path(), error);
  std::unique_ptr<NodeVolumes> out(new NodeVolumes(std::move(scratch), rank));
  out->volumes_.attach(plan);
  TRY(const FileDescriptor lock, out->lock());
  TRY_STATUS(out->volumes_.makeScratch());
  TRY(out->held_, holdFolders(out->volumes_.scratch()));
  if (!fs::exists(out->holders_, error)) {
    TRY_STATUS(make(out->volumes_));
    TRY_STATUS(makeDirectories(out->holders_, 0700));
  }
  TRY_STATUS(writeFileAtomic(out->holders_ / out->holder_, ""));
  return out;
}

Status NodeVolumes::update(const google::protobuf::RepeatedPtrField<site::v1::Volume>& volumes) {
  TRY(const FileDescriptor held, lock());
  return volumes_.update(volumes);
}

NodeVolumes::~NodeVolumes() {
  const auto lock = this->lock();
  std::error_code ignored;
  fs::remove(holders_ / holder_, ignored);
  if (!lock || !fs::is_empty(holders_, ignored) || ignored) return;
  volumes_.remove();
  fs::remove(lock_, ignored);
}

}  // namespace slipway::supervisor
