#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "apiserver/store/log_file.h"
#include "apiserver/store/row_cipher.h"
#include "async/task.h"

namespace slipway::apiserver {

/// The thread that owns the database: takes all rows that wait and commits them together, so that many clients share
/// one fsync.
///
/// Rows go to the thread when the loop has run what is ready now: what came together is committed together.
///
/// Life cycle: the constructor starts the thread; the destructor commits what waits and joins. submit() is for the loop
/// thread; results arrive on the executor in the order of submission.
class LogWriter {
 public:
  /// Called on the loop for each batch: the rows that are on the disk now, or not. Their values may be sealed.
  using OnCommitted = std::function<void(std::vector<LogRow> rows, Status result)>;

  /// Rows that the cipher covers are sealed on the thread; null: none.
  LogWriter(Executor executor, std::unique_ptr<LogFile> file, std::shared_ptr<const RowCipher> cipher,
            OnCommitted on_committed);
  ~LogWriter();
  LogWriter(const LogWriter&) = delete;
  LogWriter& operator=(const LogWriter&) = delete;

  void submit(LogRow row);
  /// Runs between two commits; for compaction and backup.
  void run(std::function<void(LogFile&)> work);

 private:
  void passOn();
  void loop();
  void keepMark();
  void commit(std::vector<LogRow> rows);
  Status seal(std::vector<LogRow>& rows) const;
  void report(std::vector<LogRow> rows, Status result);

  Executor executor_;
  std::unique_ptr<LogFile> file_;
  std::shared_ptr<const RowCipher> cipher_;
  std::shared_ptr<OnCommitted> on_committed_;
  std::vector<LogRow> gathered_;  ///< the loop's; the thread has not seen them
  std::mutex mutex_;
  std::condition_variable ready_;
  std::vector<LogRow> rows_;
  std::vector<std::function<void(LogFile&)>> work_;
  bool stopping_ = false;
  std::optional<std::chrono::steady_clock::time_point> mark_due_;  ///< the thread's
  std::thread thread_;
};

}  // namespace slipway::apiserver
