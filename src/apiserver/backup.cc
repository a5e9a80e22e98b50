#include "apiserver/backup.h"

#include <fcntl.h>
#include <unistd.h>

#include "base/files.h"

namespace slipway::apiserver {
namespace {

constexpr size_t kPiece = 256 * 1024;
/// More writes than anybody makes between a backup and its return.
constexpr int64_t kRevisionsSkipped = 1'000'000'000;

/// A file that goes when nobody needs it any more.
struct Temporary {
  std::filesystem::path path;
  ~Temporary() {
    std::error_code error;
    std::filesystem::remove(path, error);
  }
};

Task<Status> streamFile(http::Exchange* exchange, std::filesystem::path path) {
  CO_TRY(const FileDescriptor file, openFile(path, O_RDONLY));
  http::Response head;
  head.headers = {{"Content-Type", "application/vnd.sqlite3"}, {"Cache-Control", "no-store"}};
  CO_TRY_STATUS(co_await exchange->stream(std::move(head)));
  std::string piece(kPiece, '\0');
  while (true) {
    const ssize_t got = ::read(file.get(), piece.data(), piece.size());
    // Without finish() the client sees that the copy is not whole.
    if (got < 0) co_return failure(errnoError("read " + path.string(), errno));
    if (got == 0) break;
    const std::string_view bytes(piece.data(), static_cast<size_t>(got));
    CO_TRY_STATUS(co_await exchange->write(bytes));
  }
  co_return co_await exchange->finish();
}

Task<Answer<Reply>> sendBackup(Call* call, Store* store, std::filesystem::path path) {
  const Temporary copy{path};
  const Status made = co_await store->backup(path);
  if (!made) co_return failure(StatusError(made.error()));
  co_await streamFile(&call->exchange, path);
  co_return Reply::alreadySent();
}

Status checkWhole(LogFile& file) {
  return file.load([](const LogRow&) {});
}

Status prepareRestored(const std::filesystem::path& path) {
  TRY(const auto file, LogFile::open(path));
  TRY_STATUS(checkWhole(*file));
  return file->compact({{}, file->highestRevision() + kRevisionsSkipped});
}

Status refuseWhileServing(const std::filesystem::path& database) {
  if (!std::filesystem::exists(database)) return {};
  const auto file = LogFile::open(database);
  if (file || !file.error().is(Code::Conflict)) return {};
  return failure(Code::Conflict, "{}: stop the API server first", file.error().message);
}

Status move(const std::filesystem::path& from, const std::filesystem::path& to) {
  std::error_code error;
  std::filesystem::rename(from, to, error);
  if (error)
    return failure(Code::InternalError, "restore: move {} to {}: {}", from.string(), to.string(), error.message());
  return {};
}

/// At no moment is there no database: a server that starts meanwhile must not begin an empty one.
Status keepOld(const std::filesystem::path& database) {
  const std::string kept = database.string() + ".before-restore";
  for (const char* suffix : {"-wal", "-shm"}) {
    const std::string old = database.string() + suffix;
    if (std::filesystem::exists(old)) TRY_STATUS(move(old, kept + suffix));
  }
  if (!std::filesystem::exists(database)) return {};
  std::error_code error;
  std::filesystem::remove(kept, error);
  std::filesystem::create_hard_link(database, kept, error);
  return error ? move(database, kept) : Status();
}

}  // namespace

void addBackupPath(Api& api, Store& store, Random& random, const std::filesystem::path& data_dir) {
  api.onPath(kBackupPath, [raw = &store, chance = &random, data_dir](Call& call) {
    return sendBackup(&call, raw, data_dir / ("backup-" + chance->suffix(8) + ".db"));
  });
}

Status backupAtRest(const std::filesystem::path& data_dir, const std::filesystem::path& target) {
  const std::filesystem::path database = data_dir / "state.db";
  if (!std::filesystem::exists(database)) return failure(Code::NotFound, "backup: {} is not there", database.string());
  TRY(const auto file, LogFile::open(database));
  TRY_STATUS(checkWhole(*file));
  return file->backup(target);
}

Status restoreBackup(const std::filesystem::path& data_dir, const std::filesystem::path& backup) {
  const std::filesystem::path database = data_dir / "state.db";
  if (!std::filesystem::exists(backup)) return failure(Code::NotFound, "restore: {} is not there", backup.string());
  TRY_STATUS(makeDirectories(data_dir, 0700));
  TRY_STATUS(refuseWhileServing(database));
  const Temporary copy{data_dir / "state.db.restoring"};
  std::error_code error;
  std::filesystem::copy_file(backup, copy.path, std::filesystem::copy_options::overwrite_existing, error);
  if (error) return failure(Code::InternalError, "restore: copy {}: {}", backup.string(), error.message());
  std::filesystem::permissions(copy.path, std::filesystem::perms(0600), error);
  if (const Status fit = prepareRestored(copy.path); !fit) {
    return failure(fit.error().wrap(fmt::format("restore: {} is no whole backup", backup.string())));
  }
  TRY_STATUS(keepOld(database));
  TRY_STATUS(move(copy.path, database));
  TRY(const FileDescriptor directory, openFile(data_dir, O_RDONLY | O_DIRECTORY));
  if (::fsync(directory.get()) != 0) return failure(errnoError("sync " + data_dir.string(), errno));
  return {};
}

}  // namespace slipway::apiserver
