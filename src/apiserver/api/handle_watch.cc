#include "apiserver/api/convert.h"
#include "apiserver/api/handlers.h"
#include "apiserver/api/object_meta.h"
#include "apiserver/api/render.h"
#include "async/task_group.h"

namespace slipway::apiserver {
namespace {

constexpr size_t kBatch = 200;
constexpr size_t kRecentLines = 512;
constexpr auto kBookmarkEvery = std::chrono::seconds(60);

}  // namespace

/// One watch from its first event to its end.
class WatchSession {
 public:
  WatchSession(ResourceHandlers& handlers, Call& call, ListOptions options)
      : handlers_(handlers),
        call_(call),
        kind_(*call.kind),
        options_(std::move(options)),
        prefix_(prefixOf(call)),
        store_(handlers.registry_.store()),
        table_(store_.table(kind_.table)) {}

  Task<void> run(int64_t from, bool initial);
  Task<void> sendError(StatusError error);

 private:
  Task<bool> sendInitial();
  Task<bool> sendChanges();
  std::string lineFor(const ChangePtr& change);
  bool fits(const Stored& stored) const;
  std::string leavingLine(const Change& change);
  static Task<void> noteEnd(http::Exchange* exchange, async::Event* wake, bool* gone);

  ResourceHandlers& handlers_;
  Call& call_;
  const Kind& kind_;
  ListOptions options_;
  std::string prefix_;
  Store& store_;
  Table& table_;
  int64_t cursor_ = 0;
  bool columns_sent_ = false;
  bool gone_ = false;
  async::Event wake_;
};

bool WatchSession::fits(const Stored& stored) const {
  if (!options_.selects()) return true;
  return options_.select(kind_.traitsOf(stored));
}

/// An object that is there but selected no more: its last fitting state, at the revision at which it left.
std::string WatchSession::leavingLine(const Change& change) {
  json::value document = json::parse(change.before->bytes);
  meta::of(document.as_object())["resourceVersion"] = std::to_string(change.revision);
  Stored last;
  last.bytes = json::serialize(document);
  return watchLine("DELETED", renderEvent(call_, kind_, last, !std::exchange(columns_sent_, true)));
}

std::string WatchSession::lineFor(const ChangePtr& change) {
  if (!change->now->key.starts_with(prefix_)) return {};
  const bool was = change->before && fits(*change->before);
  const bool is = !change->deleted && fits(*change->now);
  if (change->deleted ? !was : (!was && !is)) return {};
  if (!change->deleted && was && !is) return leavingLine(*change);
  const std::string_view type = change->deleted ? "DELETED" : was ? "MODIFIED" : "ADDED";
  const bool natural = change->deleted || was == (change->before != nullptr);
  if (call_.form != Form::Object || !storedAsServed(kind_, *change->now) || !natural) {
    return watchLine(type, renderEvent(call_, kind_, *change->now, !std::exchange(columns_sent_, true)));
  }
  // The same line goes to every plain watcher: made once.
  if (!change->line) {
    change->line = std::make_shared<const std::string>(watchLine(type, change->now->bytes));
    handlers_.rememberLine(change);
  }
  return *change->line;
}

Task<void> WatchSession::noteEnd(http::Exchange* exchange, async::Event* wake, bool* gone) {
  co_await exchange->clientGone();
  *gone = true;
  wake->set();
}

Task<bool> WatchSession::sendInitial() {
  std::string text;
  const Table::Page page = table_.list(prefix_, "", 0);
  cursor_ = store_.revision();
  for (const StoredPtr& object : page.objects) {
    if (!fits(*object)) continue;
    text += watchLine("ADDED", renderEvent(call_, kind_, *object, !std::exchange(columns_sent_, true)));
    if (text.size() < 256 * 1024) continue;
    Status sent = co_await call_.exchange.write(std::exchange(text, {}));
    if (!sent) co_return false;
  }
  if (options_.send_initial_events && options_.bookmarks) {
    text += watchLine("BOOKMARK", renderBookmark(call_, kind_, cursor_, true));
  }
  if (text.empty()) co_return true;
  Status sent = co_await call_.exchange.write(text);
  co_return sent.has_value();
}

Task<bool> WatchSession::sendChanges() {
  while (!gone_) {
    if (cursor_ < store_.historyFrom() && table_.lastChange() > cursor_) {
      // Slower than the history is long.
      co_await sendError(
          refuse::expired(fmt::format("too old resource version: {} ({})", cursor_, store_.historyFrom())));
      co_return false;
    }
    const std::vector<ChangePtr> changes = table_.changesAfter(cursor_, kBatch);
    if (changes.empty()) co_return true;
    std::string text;
    for (const ChangePtr& change : changes) text += lineFor(change);
    cursor_ = changes.back()->revision;
    if (text.empty()) continue;
    Status sent = co_await call_.exchange.write(text);
    if (!sent) co_return false;
  }
  co_return false;
}

Task<void> WatchSession::sendError(StatusError error) {
  const std::string line = watchLine("ERROR", json::serialize(error.toStatus()));
  co_await call_.exchange.write(line);
}

Task<void> WatchSession::run(int64_t from, bool initial) {
  cursor_ = from;
  const Table::Subscription subscription(table_, wake_);
  handlers_.watches_.insert(&wake_);
  ++handlers_.figures_.watches;
  struct Leave {
    ResourceHandlers& handlers;
    async::Event* wake;
    ~Leave() {
      handlers.watches_.erase(wake);
      --handlers.figures_.watches;
    }
  } const leave{handlers_, &wake_};
  async::TaskGroup beside(co_await async::thisExecutor());
  beside.spawn("watch's client", noteEnd(&call_.exchange, &wake_, &gone_));

  const SteadyTime end = std::chrono::steady_clock::now() + std::chrono::seconds(options_.timeout_seconds);
  SteadyTime bookmark = std::chrono::steady_clock::now() + kBookmarkEvery;
  bool going = true;
  if (initial) going = co_await sendInitial();
  while (going && !gone_ && !handlers_.ending_) {
    wake_.reset();
    going = co_await sendChanges();
    if (!going) break;
    const SteadyTime now = std::chrono::steady_clock::now();
    if (now >= end) break;
    if (options_.bookmarks && now >= bookmark) {
      cursor_ = std::max(cursor_, store_.revision());
      const std::string line = watchLine("BOOKMARK", renderBookmark(call_, kind_, cursor_, false));
      Status sent = co_await call_.exchange.write(line);
      if (!sent) break;
      bookmark = now + kBookmarkEvery;
    }
    co_await wake_.waitFor(std::min(end, options_.bookmarks ? bookmark : end) - now);
  }
  co_await beside.stop();
}

void ResourceHandlers::rememberLine(ChangePtr change) {
  recent_lines_.push_back(std::move(change));
  if (recent_lines_.size() <= kRecentLines) return;
  recent_lines_.front()->line.reset();
  recent_lines_.pop_front();
}

void ResourceHandlers::endWatches() {
  ending_ = true;
  for (async::Event* wake : watches_) wake->set();
}

Task<Answer<Reply>> ResourceHandlers::watch(Call& call) {
  CO_TRY(ListOptions options, readListOptions(call));
  CO_TRY(const int64_t from, parseRevision(options.resource_version, true));
  if (options.timeout_seconds <= 0) {
    options.timeout_seconds = 1800 + static_cast<int64_t>(registry_.random().unit() * 1800);
  }
  const bool initial = options.send_initial_events || (from == 0 && !call.query.has("sendInitialEvents"));
  http::Response head;
  head.headers = {{"Content-Type", call.form == Form::Object ? "application/json" : "application/json;stream=watch"},
                  {"Cache-Control", "no-cache, private"}};
  WatchSession session(*this, call, std::move(options));
  Status sent = co_await call.exchange.stream(std::move(head));
  if (!sent) co_return Reply::alreadySent();
  Store& store = registry_.store();
  const bool lost = from < store.historyFrom() && store.table(call.kind->table).lastChange() > from;
  if (!initial && from != 0 && lost) {
    co_await session.sendError(
        refuse::expired(fmt::format("too old resource version: {} ({})", from, store.historyFrom())));
  } else if (!initial && from > store.revision()) {
    // Waiting for it would be blindness: the data were put back to an earlier time.
    co_await session.sendError(refuse::expired(
        fmt::format("resource version {} was never given out: the last is {}", from, store.revision())));
  } else {
    co_await session.run(from == 0 && !initial ? store.revision() : from, initial);
  }
  co_await call.exchange.finish();
  co_return Reply::alreadySent();
}

}  // namespace slipway::apiserver
