#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "apiserver/store/high_water_mark.h"
#include "base/result.h"

struct sqlite3;
struct sqlite3_stmt;

namespace slipway::apiserver {

struct FinalizeStatement {
  void operator()(sqlite3_stmt* statement) const;
};

/// One row of the log: a version of an object, or its end.
struct LogRow {
  int64_t revision = 0;
  std::string key;    ///< "registry/<group>/<resource>/<namespace>/<name>"
  std::string value;  ///< the object's JSON; for a deletion the last state
  bool deleted = false;
};

/// Rows that no reader can ask for any more, and where the history begins from now on.
struct Compaction {
  std::vector<int64_t> revisions;
  int64_t history_from = 0;
};

struct LogFileOptions {
  int checkpoint_pages = 4000;  ///< of the write-ahead log, after which it is copied into the database
  bool serving = false;         ///< keeps "<path>.mark" and refuses a database that ends before it
  bool shred = false;           ///< what is deleted is overwritten, not only forgotten
};

/// The database: a log of writes in one SQLite table, ordered by revision. Current state and recent history are what
/// one gets by reading it from the start. Each row has a checksum: SQLite itself would not notice a flipped bit in a
/// value.
///
/// All calls block. open() takes the file for this process alone (it works without shared memory, so also on a network
/// file system) and checks it; append() returns when the rows are on the disk. One thread at a time.
/// Errors: InsufficientStorage for a full disk; InternalError names the file and what SQLite found.
class LogFile {
 public:
  static Result<std::unique_ptr<LogFile>> open(const std::filesystem::path& path, LogFileOptions options = {});
  ~LogFile();

  /// Every row in order of revision; a row that is not what was written is an error.
  Status load(const std::function<void(LogRow)>& on_row);
  /// All rows or none.
  Status append(std::span<const LogRow> rows);
  Status compact(const Compaction& what);
  /// A consistent copy that can be opened as a database; the target must not exist.
  Status backup(const std::filesystem::path& target);

  /// Whether the mark has to be synced for a power loss not to make it older than the last append().
  bool markIsBehind() const { return mark_ && !mark_->isSynced(); }
  void syncMark() { mark_->sync(); }

  int64_t historyFrom() const { return history_from_; }
  /// No revision up to this one may be given out again.
  int64_t highestRevision() const { return highest_revision_; }

 private:
  LogFile(sqlite3* database, std::filesystem::path path) : database_(database), path_(std::move(path)) {}
  Status prepare(const LogFileOptions& options);
  Status checkMark();
  Status prepareTables();
  Status copyTo(const std::filesystem::path& target);
  Status execute(const char* sql);
  Status transaction(const std::function<Status()>& work);
  Error problem(std::string_view doing) const;
  Error damage(std::string_view what) const;
  Result<int64_t> readNumber(const char* sql);

  using Statement = std::unique_ptr<sqlite3_stmt, FinalizeStatement>;

  sqlite3* database_;
  Statement insert_;  ///< kept from commit to commit
  std::filesystem::path path_;
  int64_t history_from_ = 0;
  int64_t highest_revision_ = 0;
  std::optional<HighWaterMark> mark_;
};

}  // namespace slipway::apiserver
