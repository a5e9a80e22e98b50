#include "apiserver/store/log_file.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <unistd.h>
#include <zlib.h>

#include "base/files.h"
#include "base/log.h"

namespace slipway::apiserver {
namespace {

using Statement = std::unique_ptr<sqlite3_stmt, FinalizeStatement>;

Statement prepareStatement(sqlite3* database, const char* sql) {
  sqlite3_stmt* raw = nullptr;
  sqlite3_prepare_v2(database, sql, -1, &raw, nullptr);
  return Statement(raw);
}

std::string columnBytes(sqlite3_stmt* statement, int column) {
  const void* data = sqlite3_column_blob(statement, column);
  const auto size = static_cast<size_t>(sqlite3_column_bytes(statement, column));
  return data == nullptr ? std::string() : std::string(static_cast<const char*>(data), size);
}

void bindText(sqlite3_stmt* statement, int column, std::string_view text) {
  sqlite3_bind_text(statement, column, text.data(), static_cast<int>(text.size()), SQLITE_STATIC);
}

/// Over all that a row says.
int64_t checksumOf(int64_t revision, std::string_view key, bool deleted, std::string_view value) {
  const std::string head = fmt::format("{} {} {} ", revision, key, deleted ? 1 : 0);
  const uLong sum = crc32_z(0, reinterpret_cast<const Bytef*>(head.data()), head.size());
  return static_cast<int64_t>(crc32_z(sum, reinterpret_cast<const Bytef*>(value.data()), value.size()));
}

// synchronous=FULL: in WAL mode only this makes each commit survive a power loss.
constexpr const char* kSettings =
    "PRAGMA locking_mode=EXCLUSIVE;"
    "PRAGMA journal_mode=WAL;"
    "PRAGMA synchronous=FULL;"
    "PRAGMA cache_size=-8192;";
constexpr const char* kTables =
    "CREATE TABLE IF NOT EXISTS log(revision INTEGER PRIMARY KEY, key TEXT NOT NULL, deleted INTEGER NOT NULL,"
    " value BLOB NOT NULL, sum INTEGER);"
    "CREATE TABLE IF NOT EXISTS facts(name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;"
    "INSERT OR IGNORE INTO facts VALUES('format', 2);";
// Rows of the first format have no checksum and are believed.
constexpr const char* kFromFormat1 =
    "BEGIN; ALTER TABLE log ADD COLUMN sum INTEGER; UPDATE facts SET value=2 WHERE name='format'; COMMIT;";
constexpr int64_t kFormat = 2;

/// VACUUM INTO does not.
Status syncPath(const std::filesystem::path& path) {
  TRY(const FileDescriptor file, openFile(path, O_RDONLY));
  if (::fsync(file.get()) == 0) return {};
  return failure(Code::InternalError, "sync {}: {}", path.string(), std::generic_category().message(errno));
}

}  // namespace

Result<std::unique_ptr<LogFile>> LogFile::open(const std::filesystem::path& path, LogFileOptions options) {
  sqlite3* database = nullptr;
  const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
  const int code = sqlite3_open_v2(path.c_str(), &database, flags, nullptr);
  std::unique_ptr<LogFile> file(new LogFile(database, path));
  if (code != SQLITE_OK) return failure(file->problem("open"));
  TRY_STATUS(file->prepare(options));
  return file;
}

void FinalizeStatement::operator()(sqlite3_stmt* statement) const {
  sqlite3_finalize(statement);
}

LogFile::~LogFile() {
  insert_.reset();
  sqlite3_close_v2(database_);
}

Status LogFile::prepare(const LogFileOptions& options) {
  TRY_STATUS(execute(kSettings));
  TRY_STATUS(execute(fmt::format("PRAGMA wal_autocheckpoint={}", options.checkpoint_pages).c_str()));
  if (options.shred) TRY_STATUS(execute("PRAGMA secure_delete=ON"));
  TRY_STATUS(execute("BEGIN EXCLUSIVE; COMMIT;"));
  const Statement check = prepareStatement(database_, "PRAGMA quick_check(1)");
  if (!check || sqlite3_step(check.get()) != SQLITE_ROW) return failure(problem("check"));
  if (const std::string verdict = columnBytes(check.get(), 0); verdict != "ok") return failure(damage(verdict));
  TRY_STATUS(prepareTables());
  TRY(history_from_, readNumber("SELECT coalesce(max(value),0) FROM facts WHERE name='history_from'"));
  TRY(const int64_t last, readNumber("SELECT coalesce(max(revision),0) FROM log"));
  highest_revision_ = std::max(last, history_from_);
  return options.serving ? checkMark() : Status();
}

Status LogFile::checkMark() {
  const std::string path = path_.string() + ".mark";
  Result<HighWaterMark> mark = HighWaterMark::open(path);
  if (!mark) {
    log::warn("{}: lost writes will not be noticed", mark.error().message);
    return {};
  }
  mark_ = std::move(*mark);
  if (mark_->revision() <= highest_revision_) return {};
  return failure(
      Code::InternalError,
      "database {} ends at revision {}, but {} was acknowledged: newer writes are lost, as after damage to "
      "its -wal file or with an older copy of it; restore a backup (slipway apiserver restore), or remove {} "
      "to go on without them",
      path_.string(), highest_revision_, mark_->revision(), path);
}

Status LogFile::prepareTables() {
  TRY_STATUS(execute(kTables));
  TRY(int64_t format, readNumber("SELECT coalesce(max(value),0) FROM facts WHERE name='format'"));
  if (format == 1) {
    TRY_STATUS(execute(kFromFormat1));
    format = kFormat;
  }
  if (format != kFormat) {
    return failure(Code::InternalError, "database {} has format {}, this version reads {}", path_.string(), format,
                   kFormat);
  }
  return {};
}

Status LogFile::load(const std::function<void(LogRow)>& on_row) {
  const Statement rows =
      prepareStatement(database_, "SELECT revision, key, deleted, value, sum FROM log ORDER BY revision");
  if (!rows) return failure(problem("read"));
  int code = SQLITE_ROW;
  while ((code = sqlite3_step(rows.get())) == SQLITE_ROW) {
    LogRow row;
    row.revision = sqlite3_column_int64(rows.get(), 0);
    row.key = columnBytes(rows.get(), 1);
    row.deleted = sqlite3_column_int(rows.get(), 2) != 0;
    row.value = columnBytes(rows.get(), 3);
    const bool has_sum = sqlite3_column_type(rows.get(), 4) != SQLITE_NULL;
    if (has_sum && sqlite3_column_int64(rows.get(), 4) != checksumOf(row.revision, row.key, row.deleted, row.value)) {
      return failure(damage(fmt::format("the row of revision {} is not what was written", row.revision)));
    }
    on_row(std::move(row));
  }
  if (code != SQLITE_DONE) return failure(problem("read"));
  return {};
}

Status LogFile::append(std::span<const LogRow> rows) {
  if (!insert_) insert_ = prepareStatement(database_, "INSERT INTO log VALUES(?,?,?,?,?)");
  if (!insert_) return failure(problem("write"));
  const Status done = transaction([&]() -> Status {
    const Statement& insert = insert_;
    for (const LogRow& row : rows) {
      sqlite3_bind_int64(insert.get(), 1, row.revision);
      bindText(insert.get(), 2, row.key);
      sqlite3_bind_int(insert.get(), 3, row.deleted ? 1 : 0);
      sqlite3_bind_blob(insert.get(), 4, row.value.data(), static_cast<int>(row.value.size()), SQLITE_STATIC);
      sqlite3_bind_int64(insert.get(), 5, checksumOf(row.revision, row.key, row.deleted, row.value));
      const bool written = sqlite3_step(insert.get()) == SQLITE_DONE;
      const Error why = written ? Error() : problem("write");
      sqlite3_reset(insert.get());
      if (!written) return failure(why);
    }
    return {};
  });
  if (done && mark_ && !rows.empty()) mark_->raise(rows.back().revision);
  return done;
}

Status LogFile::compact(const Compaction& what) {
  return transaction([&]() -> Status {
    const Statement remove = prepareStatement(database_, "DELETE FROM log WHERE revision=?");
    if (!remove) return failure(problem("compact"));
    for (const int64_t revision : what.revisions) {
      sqlite3_bind_int64(remove.get(), 1, revision);
      if (sqlite3_step(remove.get()) != SQLITE_DONE) return failure(problem("compact"));
      sqlite3_reset(remove.get());
    }
    const Statement fact = prepareStatement(database_, "INSERT OR REPLACE INTO facts VALUES('history_from', ?)");
    if (!fact) return failure(problem("compact"));
    sqlite3_bind_int64(fact.get(), 1, what.history_from);
    if (sqlite3_step(fact.get()) != SQLITE_DONE) return failure(problem("compact"));
    return {};
  });
}

Status LogFile::backup(const std::filesystem::path& target) {
  if (std::filesystem::exists(target)) return failure(Code::AlreadyExists, "backup: {} exists", target.string());
  const std::filesystem::path unfinished = target.string() + ".unfinished";
  std::error_code error;
  std::filesystem::remove(unfinished, error);
  if (const Status copied = copyTo(unfinished); !copied) {
    std::filesystem::remove(unfinished, error);
    return copied;
  }
  std::filesystem::rename(unfinished, target, error);
  if (error) return failure(Code::InternalError, "backup: rename {}: {}", unfinished.string(), error.message());
  return syncPath(target.has_parent_path() ? target.parent_path() : ".");
}

Status LogFile::copyTo(const std::filesystem::path& target) {
  const Statement copy = prepareStatement(database_, "VACUUM INTO ?");
  if (!copy) return failure(problem("back up"));
  const std::string name = target.string();
  bindText(copy.get(), 1, name);
  if (sqlite3_step(copy.get()) != SQLITE_DONE) return failure(problem(fmt::format("copy to {} the", name)));
  std::error_code error;
  std::filesystem::permissions(target, std::filesystem::perms(0600), error);
  return syncPath(target);
}

Status LogFile::execute(const char* sql) {
  if (sqlite3_exec(database_, sql, nullptr, nullptr, nullptr) != SQLITE_OK) return failure(problem("use"));
  return {};
}

Status LogFile::transaction(const std::function<Status()>& work) {
  TRY_STATUS(execute("BEGIN IMMEDIATE"));
  Status done = work();
  if (done) done = execute("COMMIT");
  if (!done && sqlite3_get_autocommit(database_) == 0) sqlite3_exec(database_, "ROLLBACK", nullptr, nullptr, nullptr);
  return done;
}

Result<int64_t> LogFile::readNumber(const char* sql) {
  const Statement statement = prepareStatement(database_, sql);
  if (!statement || sqlite3_step(statement.get()) != SQLITE_ROW) return failure(problem("read"));
  return sqlite3_column_int64(statement.get(), 0);
}

Error LogFile::problem(std::string_view doing) const {
  const int code = sqlite3_errcode(database_);
  const std::string what = sqlite3_errmsg(database_);
  const std::string name = path_.string();
  // Of a quota SQLite says only that input or output failed.
  const int cause = code == SQLITE_IOERR ? sqlite3_system_errno(database_) : 0;
  if (code == SQLITE_FULL || cause == ENOSPC || cause == EDQUOT) {
    constexpr const char* kText = "{} database {}: no space left on its disk, or over quota ({}); make room there";
    return {Code::InsufficientStorage, fmt::format(kText, doing, name, what)};
  }
  if (code == SQLITE_BUSY || code == SQLITE_LOCKED) {
    return {Code::Conflict, fmt::format("database {} is in use by another process", name)};
  }
  if (code == SQLITE_CORRUPT || code == SQLITE_NOTADB) {
    return damage(what);
  }
  return {Code::InternalError, fmt::format("{} database {}: {}", doing, name, what)};
}

Error LogFile::damage(std::string_view what) const {
  constexpr const char* kText = "database {} is damaged: {}; restore a backup of it (slipway apiserver restore)";
  return {Code::InternalError, fmt::format(kText, path_.string(), what)};
}

}  // namespace slipway::apiserver
