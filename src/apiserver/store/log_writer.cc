#include "apiserver/store/log_writer.h"

#include <boost/asio/post.hpp>

#include "base/log.h"

namespace slipway::apiserver {
namespace {

constexpr size_t kMaxBatch = 1000;
// How many of the last writes a power loss may hide from the mark.
constexpr auto kMarkEvery = std::chrono::seconds(1);

}  // namespace

LogWriter::LogWriter(Executor executor, std::unique_ptr<LogFile> file, std::shared_ptr<const RowCipher> cipher,
                     OnCommitted on_committed)
    : executor_(std::move(executor)),
      file_(std::move(file)),
      cipher_(std::move(cipher)),
      on_committed_(std::make_shared<OnCommitted>(std::move(on_committed))),
      thread_([this] { loop(); }) {}

LogWriter::~LogWriter() {
  passOn();
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  ready_.notify_one();
  thread_.join();
  // Reports that are still on their way find nobody.
  *on_committed_ = nullptr;
}

void LogWriter::submit(LogRow row) {
  gathered_.push_back(std::move(row));
  if (gathered_.size() > 1) return;
  asio::post(executor_, [this, alive = on_committed_] {
    if (*alive) passOn();
  });
}

void LogWriter::passOn() {
  if (gathered_.empty()) return;
  {
    const std::lock_guard lock(mutex_);
    std::move(gathered_.begin(), gathered_.end(), std::back_inserter(rows_));
  }
  gathered_.clear();
  ready_.notify_one();
}

void LogWriter::run(std::function<void(LogFile&)> work) {
  passOn();
  {
    const std::lock_guard lock(mutex_);
    work_.push_back(std::move(work));
  }
  ready_.notify_one();
}

void LogWriter::loop() {
  std::unique_lock lock(mutex_);
  while (true) {
    const auto is_wanted = [this] { return stopping_ || !rows_.empty() || !work_.empty(); };
    if (mark_due_) {
      ready_.wait_until(lock, *mark_due_, is_wanted);
    } else {
      ready_.wait(lock, is_wanted);
    }
    if (stopping_ && rows_.empty() && work_.empty()) return;
    std::vector<LogRow> rows = std::exchange(rows_, {});
    const auto work = std::exchange(work_, {});
    lock.unlock();
    const Status sealed = seal(rows);
    sealed ? commit(std::move(rows)) : report(std::move(rows), sealed);
    for (const auto& step : work) step(*file_);
    keepMark();
    lock.lock();
  }
}

void LogWriter::keepMark() {
  const auto now = std::chrono::steady_clock::now();
  if (mark_due_ && now >= *mark_due_) {
    file_->syncMark();
    mark_due_.reset();
  }
  if (!mark_due_ && file_->markIsBehind()) mark_due_ = now + kMarkEvery;
}

Status LogWriter::seal(std::vector<LogRow>& rows) const {
  if (!cipher_) return {};
  for (LogRow& row : rows) {
    if (!cipher_->covers(row.key)) continue;
    TRY(row.value, cipher_->seal(row.key, row.value));
  }
  return {};
}

void LogWriter::commit(std::vector<LogRow> rows) {
  if (rows.empty()) return;
  if (rows.size() > kMaxBatch) {
    const auto middle = rows.begin() + kMaxBatch;
    std::vector<LogRow> rest(std::make_move_iterator(middle), std::make_move_iterator(rows.end()));
    rows.resize(kMaxBatch);
    commit(std::move(rows));
    return commit(std::move(rest));
  }
  const Status done = file_->append(rows);
  if (done || rows.size() == 1) return report(std::move(rows), done);
  // One row that does not fit must not take the others with it.
  for (LogRow& row : rows) {
    std::vector<LogRow> one;
    one.push_back(std::move(row));
    const Status result = file_->append(one);
    report(std::move(one), result);
  }
}

void LogWriter::report(std::vector<LogRow> rows, Status result) {
  auto work = [callback = on_committed_, rows = std::move(rows), result = std::move(result)]() mutable {
    if (*callback) (*callback)(std::move(rows), std::move(result));
  };
  asio::post(executor_, std::move(work));
}

}  // namespace slipway::apiserver
