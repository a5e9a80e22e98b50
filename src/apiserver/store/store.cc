#include "apiserver/store/store.h"

#include <boost/asio/post.hpp>

#include "base/log.h"
#include "base/strings.h"

namespace slipway::apiserver {
namespace {

constexpr std::string_view kRoot = "registry/";
constexpr size_t kCompactionBatch = 2000;
constexpr auto kComplainEvery = std::chrono::seconds(10);

struct KeyParts {
  std::string table;
  std::string key;
};

KeyParts splitKey(std::string_view full) {
  full.remove_prefix(std::min(full.size(), kRoot.size()));
  const size_t group_end = full.find('/');
  const size_t resource_end = full.find('/', group_end + 1);
  return {std::string(full.substr(0, resource_end)), std::string(full.substr(resource_end + 1))};
}

}  // namespace

struct Store::Pending {
  Table* table = nullptr;
  std::string full_key;
  std::shared_ptr<Change> change;
  std::optional<Status> result;
  async::Event settled;
};

Store::Store(Executor executor, const Clock& clock, StoreOptions options)
    : executor_(std::move(executor)), clock_(clock), options_(std::move(options)) {}

Store::~Store() {
  writer_.reset();
}

Result<std::unique_ptr<Store>> Store::open(Executor executor, const std::filesystem::path& path, const Clock& clock,
                                           StoreOptions options) {
  const LogFileOptions file_options{options.checkpoint_pages, true, options.cipher != nullptr};
  TRY(std::unique_ptr<LogFile> file, LogFile::open(path, file_options));
  std::unique_ptr<Store> store(new Store(executor, clock, std::move(options)));
  store->history_from_ = file->historyFrom();
  Status opened;
  const auto take = [&](LogRow row) {
    if (opened) opened = store->load(std::move(row));
  };
  TRY_STATUS(file->load(take));
  if (!opened) return failure(opened.error().wrap(fmt::format("database {}", path.string())));
  for (const auto& [name, table] : store->tables_) table->beginAt(store->history_from_);
  store->revision_ = file->highestRevision();
  store->next_revision_ = file->highestRevision() + 1;
  auto on_committed = [raw = store.get()](const std::vector<LogRow>& rows, const Status& result) {
    raw->onCommitted(rows, result);
  };
  store->writer_ = std::make_unique<LogWriter>(std::move(executor), std::move(file), store->options_.cipher,
                                               std::move(on_committed));
  store->compact();
  return store;
}

Status Store::load(LogRow row) {
  bool is_stale = false;
  if (options_.cipher) {
    TRY(RowCipher::Opened opened, options_.cipher->open(row.key, std::move(row.value)));
    row.value = std::move(opened.value);
    is_stale = opened.is_stale;
  }
  KeyParts parts = splitKey(row.key);
  Table& into = table(parts.table);
  auto now = std::make_shared<Stored>();
  now->revision = row.revision;
  now->key = std::move(parts.key);
  now->bytes = std::move(row.value);
  now->is_stale = is_stale;
  now->written_at = std::chrono::duration_cast<std::chrono::seconds>(clock_.now().time_since_epoch()).count();
  auto change = std::make_shared<Change>();
  change->revision = row.revision;
  change->before = into.find(now->key);
  change->deleted = row.deleted;
  change->now = std::move(now);
  apply(into, std::move(change));
  return {};
}

Table& Store::table(const std::string& name) {
  std::unique_ptr<Table>& place = tables_[name];
  if (!place) {
    place = std::make_unique<Table>();
    // What it held before the history begins is not known.
    place->beginAt(history_from_);
  }
  return *place;
}

std::vector<std::string> Store::tableNames() const {
  std::vector<std::string> names;
  for (const auto& [name, table] : tables_) names.push_back(name);
  return names;
}

Task<Result<StoredPtr>> Store::put(std::string table, std::string key, StoredPtr expected, Render render) {
  return write(std::move(table), std::move(key), std::move(expected), std::move(render), false);
}

Task<Result<StoredPtr>> Store::erase(std::string table, std::string key, StoredPtr expected, Render render) {
  return write(std::move(table), std::move(key), std::move(expected), std::move(render), true);
}

Task<Result<StoredPtr>> Store::write(std::string table_name, std::string key, StoredPtr expected, Render render,
                                     bool deleted) {
  Table& into = table(table_name);
  std::string full_key = fmt::format("{}{}/{}", kRoot, table_name, key);
  while (true) {
    const auto other = pending_keys_.find(full_key);
    if (other == pending_keys_.end()) break;
    const std::shared_ptr<Pending> before_us = other->second;
    co_await before_us->settled.wait();
  }
  if (into.find(key) != expected) co_return failure(Code::Conflict, "{} changed meanwhile", full_key);

  const int64_t revision = next_revision_++;
  auto now = std::make_shared<Stored>();
  now->revision = revision;
  now->key = std::move(key);
  now->bytes = render(revision);
  now->written_at = std::chrono::duration_cast<std::chrono::seconds>(clock_.now().time_since_epoch()).count();
  auto pending = std::make_shared<Pending>();
  pending->table = &into;
  pending->full_key = full_key;
  pending->change = std::make_shared<Change>();
  pending->change->revision = revision;
  pending->change->now = now;
  pending->change->before = std::move(expected);
  pending->change->deleted = deleted;
  pending_.emplace(revision, pending);
  pending_keys_.emplace(full_key, pending);
  writer_->submit({revision, std::move(full_key), now->bytes, deleted});

  co_await pending->settled.wait();
  if (!*pending->result) co_return failure(pending->result->error());
  co_return StoredPtr(std::move(now));
}

void Store::onCommitted(const std::vector<LogRow>& rows, const Status& result) {
  std::set<Table*> touched;
  for (const LogRow& row : rows) {
    const auto it = pending_.find(row.revision);
    if (it == pending_.end()) continue;
    const std::shared_ptr<Pending> pending = it->second;
    pending_.erase(it);
    pending_keys_.erase(pending->full_key);
    if (result) {
      apply(*pending->table, pending->change);
      touched.insert(pending->table);
      revision_ = row.revision;
      ++writes_;
    } else {
      ++failed_writes_;
    }
    pending->result = result;
    pending->settled.set();
  }
  noteHealth(result);
  for (Table* table : touched) table->wake();
  compact();
}

/// A full disk fails every write; the log says so now and then.
void Store::noteHealth(const Status& result) {
  if (result) {
    if (quiet_until_) log::info("writes succeed again");
    quiet_until_.reset();
    return;
  }
  const SteadyTime now = clock_.steady();
  if (quiet_until_ && now < *quiet_until_) return;
  log::error("write: {}", result.error().message);
  quiet_until_ = now + kComplainEvery;
}

void Store::apply(Table& table, ChangePtr change) {
  history_bytes_ += change->bytesKept();
  history_.push_back({&table, change, clock_.steady()});
  table.apply(std::move(change));
}

void Store::compact() {
  const SteadyTime too_old = clock_.steady() - options_.history_age;
  bool aged = false;
  while (!history_.empty() && (history_bytes_ > options_.history_bytes || history_.front().when < too_old)) {
    const Kept& oldest = history_.front();
    aged = aged || oldest.when < too_old;
    if (oldest.change->before) dropped_.revisions.push_back(oldest.change->before->revision);
    if (oldest.change->deleted) dropped_.revisions.push_back(oldest.change->revision);
    history_bytes_ -= oldest.change->bytesKept();
    // What was read at the start may be older than what was dropped before.
    history_from_ = std::max(history_from_, oldest.change->revision);
    oldest.table->forgetFirst();
    history_.pop_front();
  }
  if (!writer_ || dropped_.revisions.empty()) return;
  if (dropped_.revisions.size() < kCompactionBatch && !aged) return;
  dropped_.history_from = history_from_;
  writer_->run([what = std::exchange(dropped_, {})](LogFile& file) {
    if (const Status done = file.compact(what); !done) log::warn("{}", done.error().message);
  });
}

Task<Status> Store::backup(std::filesystem::path target) {
  struct Outcome {
    std::optional<Status> result;
    async::Event done;
  };
  const auto outcome = std::make_shared<Outcome>();
  writer_->run([outcome, target = std::move(target), executor = executor_](LogFile& file) {
    Status result = file.backup(target);
    asio::post(executor, [outcome, result = std::move(result)] {
      outcome->result = result;
      outcome->done.set();
    });
  });
  co_await outcome->done.wait();
  co_return *outcome->result;
}

Store::Figures Store::figures() const {
  Figures figures{writes_, failed_writes_, 0, history_bytes_};
  for (const auto& [name, table] : tables_) figures.objects += table->objects().size();
  return figures;
}

}  // namespace slipway::apiserver
