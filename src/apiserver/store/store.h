#pragma once

#include <deque>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>

#include "apiserver/store/log_writer.h"
#include "apiserver/store/table.h"
#include "async/event.h"
#include "base/clock.h"

namespace slipway::apiserver {

struct StoreOptions {
  std::chrono::nanoseconds history_age = std::chrono::minutes(5);
  size_t history_bytes = 32U << 20U;        ///< old versions kept in memory, whatever their age
  int checkpoint_pages = 4000;              ///< of the write-ahead log before it is copied into the database
  std::shared_ptr<const RowCipher> cipher;  ///< null: rows stand as they are
};

/// All objects, in memory as committed bytes and on disk as a log.
///
/// Reads are of memory and see committed writes only. A write is acknowledged when it survives a power loss. Revisions
/// grow by every write over all tables and are never given twice. Writers of the same key are served one after another.
/// Life cycle: open() reads the whole database; the destructor commits what waits. Loop thread only.
class Store {
 public:
  static Result<std::unique_ptr<Store>> open(Executor executor, const std::filesystem::path& path, const Clock& clock,
                                             StoreOptions options = {});
  ~Store();

  /// `name` is "<group>/<resource>", "core/pods". Tables live as long as the store.
  Table& table(const std::string& name);
  std::vector<std::string> tableNames() const;

  /// Of the last committed write.
  int64_t revision() const { return revision_; }
  /// Watches and paging can start at this revision or later.
  int64_t historyFrom() const { return history_from_; }

  /// Gives the bytes for the revision that the write gets.
  using Render = std::function<std::string(int64_t revision)>;
  /// Writes if the current version is still `expected` (null: no such object), else Error{Conflict}: read again.
  Task<Result<StoredPtr>> put(std::string table, std::string key, StoredPtr expected, Render render);
  /// The same for the end of an object; `render` gives its last state.
  Task<Result<StoredPtr>> erase(std::string table, std::string key, StoredPtr expected, Render render);

  /// Drops history that is over age or budget; for a timer.
  void compact();
  /// Copies the database while it is in use; `target` must not exist.
  Task<Status> backup(std::filesystem::path target);

  struct Figures {
    uint64_t writes = 0;
    uint64_t failed_writes = 0;
    size_t objects = 0;
    size_t history_bytes = 0;
  };
  Figures figures() const;

 private:
  struct Pending;
  struct Kept {
    Table* table;
    ChangePtr change;
    SteadyTime when;
  };
  Store(Executor executor, const Clock& clock, StoreOptions options);
  Task<Result<StoredPtr>> write(std::string table, std::string key, StoredPtr expected, Render render, bool deleted);
  void onCommitted(const std::vector<LogRow>& rows, const Status& result);
  void noteHealth(const Status& result);
  void apply(Table& table, ChangePtr change);
  Status load(LogRow row);

  Executor executor_;
  const Clock& clock_;
  StoreOptions options_;
  std::map<std::string, std::unique_ptr<Table>> tables_;
  std::map<int64_t, std::shared_ptr<Pending>> pending_;
  std::unordered_map<std::string, std::shared_ptr<Pending>> pending_keys_;
  std::deque<Kept> history_;
  size_t history_bytes_ = 0;
  Compaction dropped_;
  int64_t next_revision_ = 1;
  int64_t revision_ = 0;
  int64_t history_from_ = 0;
  uint64_t writes_ = 0;
  uint64_t failed_writes_ = 0;
  std::optional<SteadyTime> quiet_until_;  ///< set while writes fail
  std::unique_ptr<LogWriter> writer_;
};

}  // namespace slipway::apiserver
