#include "apiserver/store/log_file.h"

#include <sqlite3.h>

namespace slipway::apiserver {
namespace {

using Statement = std::unique_ptr<sqlite3_stmt, int (*)(sqlite3_stmt*)>;

Statement prepareStatement(sqlite3* database, const char* sql) {
  sqlite3_stmt* raw = nullptr;
  sqlite3_prepare_v2(database, sql, -1, &raw, nullptr);
  return Statement(raw, &sqlite3_finalize);
}

std::string columnBytes(sqlite3_stmt* statement, int column) {
  const void* data = sqlite3_column_blob(statement, column);
  const auto size = static_cast<size_t>(sqlite3_column_bytes(statement, column));
  return data == nullptr ? std::string() : std::string(static_cast<const char*>(data), size);
}

void bindText(sqlite3_stmt* statement, int column, std::string_view text) {
  sqlite3_bind_text(statement, column, text.data(), static_cast<int>(text.size()), SQLITE_STATIC);
}

// synchronous=FULL: in WAL mode only this makes each commit survive a power loss.
constexpr const char* kSettings =
    "PRAGMA locking_mode=EXCLUSIVE;"
    "PRAGMA journal_mode=WAL;"
    "PRAGMA synchronous=FULL;"
    "PRAGMA wal_autocheckpoint=4000;"
    "PRAGMA cache_size=-8192;";
constexpr const char* kTables =
    "CREATE TABLE IF NOT EXISTS log(revision INTEGER PRIMARY KEY, key TEXT NOT NULL, deleted INTEGER NOT NULL,"
    " value BLOB NOT NULL);"
    "CREATE TABLE IF NOT EXISTS facts(name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;"
    "INSERT OR IGNORE INTO facts VALUES('format', 1);";

}  // namespace

Result<std::unique_ptr<LogFile>> LogFile::open(const std::filesystem::path& path) {
  sqlite3* database = nullptr;
  const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
  const int code = sqlite3_open_v2(path.c_str(), &database, flags, nullptr);
  std::unique_ptr<LogFile> file(new LogFile(database, path));
  if (code != SQLITE_OK) return failure(file->problem("open"));
  TRY_STATUS(file->prepare());
  return file;
}

LogFile::~LogFile() {
  sqlite3_close_v2(database_);
}

Status LogFile::prepare() {
  TRY_STATUS(execute(kSettings));
  TRY_STATUS(execute("BEGIN EXCLUSIVE; COMMIT;"));
  const Statement check = prepareStatement(database_, "PRAGMA quick_check(1)");
  if (!check || sqlite3_step(check.get()) != SQLITE_ROW) return failure(problem("check"));
  if (const std::string verdict = columnBytes(check.get(), 0); verdict != "ok") {
    return failure(Code::InternalError, "database {} is damaged: {}; restore a backup of it", path_.string(), verdict);
  }
  TRY_STATUS(execute(kTables));
  TRY(const int64_t format, readNumber("SELECT value FROM facts WHERE name='format'"));
  if (format != 1) {
    return failure(Code::InternalError, "database {} has format {}, this version reads 1", path_.string(), format);
  }
  TRY(history_from_, readNumber("SELECT coalesce(max(value),0) FROM facts WHERE name='history_from'"));
  TRY(const int64_t last, readNumber("SELECT coalesce(max(revision),0) FROM log"));
  highest_revision_ = std::max(last, history_from_);
  return {};
}

Status LogFile::load(const std::function<void(LogRow)>& on_row) {
  const Statement rows = prepareStatement(database_, "SELECT revision, key, deleted, value FROM log ORDER BY revision");
  if (!rows) return failure(problem("read"));
  int code = SQLITE_ROW;
  while ((code = sqlite3_step(rows.get())) == SQLITE_ROW) {
    LogRow row;
    row.revision = sqlite3_column_int64(rows.get(), 0);
    row.key = columnBytes(rows.get(), 1);
    row.deleted = sqlite3_column_int(rows.get(), 2) != 0;
    row.value = columnBytes(rows.get(), 3);
    on_row(std::move(row));
  }
  if (code != SQLITE_DONE) return failure(problem("read"));
  return {};
}

Status LogFile::append(std::span<const LogRow> rows) {
  return transaction([&]() -> Status {
    const Statement insert = prepareStatement(database_, "INSERT INTO log VALUES(?,?,?,?)");
    if (!insert) return failure(problem("write"));
    for (const LogRow& row : rows) {
      sqlite3_bind_int64(insert.get(), 1, row.revision);
      bindText(insert.get(), 2, row.key);
      sqlite3_bind_int(insert.get(), 3, row.deleted ? 1 : 0);
      sqlite3_bind_blob(insert.get(), 4, row.value.data(), static_cast<int>(row.value.size()), SQLITE_STATIC);
      if (sqlite3_step(insert.get()) != SQLITE_DONE) return failure(problem("write"));
      sqlite3_reset(insert.get());
    }
    return {};
  });
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
  const Statement copy = prepareStatement(database_, "VACUUM INTO ?");
  if (!copy) return failure(problem("back up"));
  const std::string name = target.string();
  bindText(copy.get(), 1, name);
  if (sqlite3_step(copy.get()) != SQLITE_DONE) return failure(problem("back up"));
  return {};
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
  const int extended = sqlite3_extended_errcode(database_);
  const std::string what = sqlite3_errmsg(database_);
  const std::string name = path_.string();
  if (code == SQLITE_FULL || extended == SQLITE_IOERR_WRITE || extended == SQLITE_IOERR_SHMSIZE) {
    return {Code::InsufficientStorage,
            fmt::format("{} database {}: no space left on its disk ({})", doing, name, what)};
  }
  if (code == SQLITE_BUSY || code == SQLITE_LOCKED) {
    return {Code::Conflict, fmt::format("database {} is in use by another process", name)};
  }
  if (code == SQLITE_CORRUPT || code == SQLITE_NOTADB) {
    return {Code::InternalError, fmt::format("database {} is damaged: {}; restore a backup of it", name, what)};
  }
  return {Code::InternalError, fmt::format("{} database {}: {}", doing, name, what)};
}

}  // namespace slipway::apiserver
