#include "apiserver/store/store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sqlite3.h>

#include <fstream>

#include "async/loop.h"
#include "async/task_group.h"
#include "base/files.h"
#include "base/testing/manual_clock.h"

namespace slipway::apiserver {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class StoreTest : public ::testing::Test {
 protected:
  /// Opens the database, runs the body and closes it again.
  void with(const std::function<Task<void>(Store&)>& body, StoreOptions options = {}) {
    async::Loop loop;
    auto store = Store::open(loop.executor(), path(), clock_, options);
    ASSERT_TRUE(store) << store.error().message;
    loop.run(body(**store), false);
  }
  std::filesystem::path path() const { return directory_.path() / "state.db"; }

  TemporaryDirectory directory_;
  slipway::testing::ManualClock clock_;
};

Store::Render text(std::string value) {
  return [value](int64_t revision) { return fmt::format("{}@{}", value, revision); };
}

Task<int64_t> mustPut(Store& store, std::string key, std::string value) {
  const StoredPtr before = store.table("core/pods").find(key);
  Result<StoredPtr> done = co_await store.put("core/pods", key, before, text(value));
  EXPECT_TRUE(done) << done.error().message;
  co_return (*done)->revision;
}

Task<int64_t> mustErase(Store& store, std::string key) {
  const StoredPtr before = store.table("core/pods").find(key);
  Result<StoredPtr> done = co_await store.erase("core/pods", key, before, text("last"));
  EXPECT_TRUE(done) << done.error().message;
  co_return (*done)->revision;
}

std::vector<std::string> bytesOf(const Table::Page& page) {
  std::vector<std::string> all;
  for (const StoredPtr& object : page.objects) all.push_back(object->bytes);
  return all;
}

TEST_F(StoreTest, AcknowledgedWritesAreThereAfterReopening) {
  with([](Store& store) -> Task<void> {
    co_await mustPut(store, "a/1", "x");
    co_await mustPut(store, "a/2", "y");
    co_await mustPut(store, "a/1", "z");
    co_await mustErase(store, "a/2");
  });
  with([](Store& store) -> Task<void> {
    EXPECT_EQ(store.revision(), 4);
    EXPECT_THAT(bytesOf(store.table("core/pods").list("", "", 0)), ElementsAre("z@3"));
    EXPECT_EQ(co_await mustPut(store, "a/9", "n"), 5);
  });
}

TEST_F(StoreTest, WatchCanGoOnOverARestart) {
  with([](Store& store) -> Task<void> {
    co_await mustPut(store, "a/1", "x");
    co_await mustPut(store, "a/1", "y");
    co_await mustErase(store, "a/1");
  });
  with([](Store& store) -> Task<void> {
    const auto changes = store.table("core/pods").changesAfter(1, 10);
    EXPECT_EQ(changes.size(), 2U);
    EXPECT_EQ(changes[0]->before->bytes, "x@1");
    EXPECT_TRUE(changes[1]->deleted);
    EXPECT_EQ(changes[1]->now->bytes, "last@3");
    co_return;
  });
}

TEST_F(StoreTest, WriteOnAnOldVersionIsAConflict) {
  with([](Store& store) -> Task<void> {
    co_await mustPut(store, "a/1", "x");
    Result<StoredPtr> again = co_await store.put("core/pods", "a/1", nullptr, text("y"));
    EXPECT_FALSE(again);
    EXPECT_EQ(again.error().code, Code::Conflict);
  });
}

TEST_F(StoreTest, OfManyCreatesOfOneNameOneWins) {
  with([](Store& store) -> Task<void> {
    int won = 0;
    int lost = 0;
    const auto create = [](Store& s, int& yes, int& no) -> Task<void> {
      Result<StoredPtr> done = co_await s.put("core/pods", "a/1", nullptr, text("x"));
      ++(done ? yes : no);
    };
    async::TaskGroup group(co_await async::thisExecutor());
    for (int i = 0; i < 20; ++i) group.spawn("create", create(store, won, lost));
    co_await group.join();
    EXPECT_EQ(won, 1);
    EXPECT_EQ(lost, 19);
  });
}

TEST_F(StoreTest, PagesShowThePastWhileWritesGoOn) {
  with([](Store& store) -> Task<void> {
    for (const char* key : {"a/1", "a/2", "a/3", "b/1"}) co_await mustPut(store, key, key);
    const int64_t then = store.revision();
    const auto first = store.table("core/pods").list("a/", "", 2, then);
    EXPECT_THAT(bytesOf(first), ElementsAre("a/1@1", "a/2@2"));
    EXPECT_EQ(first.next, "a/3");
    EXPECT_EQ(first.remaining, 1);
    co_await mustPut(store, "a/3", "new");
    co_await mustPut(store, "a/4", "new");
    co_await mustErase(store, "a/1");
    EXPECT_THAT(bytesOf(store.table("core/pods").list("a/", first.next, 2, then)), ElementsAre("a/3@3"));
    EXPECT_THAT(bytesOf(store.table("core/pods").list("a/", "", 0, then)), ElementsAre("a/1@1", "a/2@2", "a/3@3"));
    EXPECT_THAT(bytesOf(store.table("core/pods").list("a/", "", 0)), ElementsAre("a/2@2", "new@5", "new@6"));
  });
}

TEST_F(StoreTest, OldHistoryGoesAndRevisionsAreNeverGivenAgain) {
  with([this](Store& store) -> Task<void> {
    co_await mustPut(store, "a/1", "x");
    co_await mustPut(store, "a/1", "y");
    co_await mustErase(store, "a/1");
    clock_.advance(std::chrono::minutes(6));
    store.compact();
    EXPECT_EQ(store.historyFrom(), 3);
    EXPECT_TRUE(store.table("core/pods").changesAfter(0, 10).empty());
  });
  with([](Store& store) -> Task<void> {
    EXPECT_EQ(store.historyFrom(), 3);
    EXPECT_EQ(store.figures().objects, 0U);
    EXPECT_EQ(co_await mustPut(store, "a/1", "z"), 4);
  });
}

TEST_F(StoreTest, HistoryNeverSeemsLongerThanItIsAfterARestart) {
  with([this](Store& store) -> Task<void> {
    co_await mustPut(store, "a/lives", "x");
    co_await mustPut(store, "a/dies", "y");
    co_await mustErase(store, "a/dies");
    clock_.advance(std::chrono::minutes(6));
    store.compact();
    EXPECT_EQ(store.historyFrom(), 3);
  });
  with([this](Store& store) -> Task<void> {
    clock_.advance(std::chrono::minutes(6));
    store.compact();
    EXPECT_EQ(store.historyFrom(), 3);
    co_return;
  });
}

TEST_F(StoreTest, DatabaseOfTheFirstFormatIsTakenOver) {
  sqlite3* old = nullptr;
  ASSERT_EQ(sqlite3_open(path().c_str(), &old), SQLITE_OK);
  const char* sql =
      "CREATE TABLE log(revision INTEGER PRIMARY KEY, key TEXT NOT NULL, deleted INTEGER NOT NULL, value BLOB NOT "
      "NULL);"
      "CREATE TABLE facts(name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;"
      "INSERT INTO facts VALUES('format', 1); INSERT INTO log VALUES(7, 'registry/core/pods/a/1', 0, 'x@7');";
  ASSERT_EQ(sqlite3_exec(old, sql, nullptr, nullptr, nullptr), SQLITE_OK);
  sqlite3_close(old);
  for (int64_t next : {8, 9}) {
    with([next](Store& store) -> Task<void> {
      EXPECT_EQ(store.table("core/pods").find("a/1")->bytes, "x@7");
      EXPECT_EQ(co_await mustPut(store, "a/2", "y"), next);
    });
  }
}

TEST_F(StoreTest, HistoryKeepsToItsBudget) {
  StoreOptions options;
  options.history_bytes = 10000;
  with(
      [](Store& store) -> Task<void> {
        for (int i = 0; i < 100; ++i) co_await mustPut(store, "a/1", std::string(500, 'x'));
        EXPECT_LE(store.figures().history_bytes, 10000U);
        EXPECT_GT(store.historyFrom(), 50);
      },
      options);
}

TEST_F(StoreTest, DamagedDatabaseIsNamedAtStart) {
  with([](Store& store) -> Task<void> {
    for (int i = 0; i < 200; ++i) co_await mustPut(store, fmt::format("a/{}", i), std::string(2000, 'x'));
  });
  {
    std::fstream file(path(), std::ios::in | std::ios::out | std::ios::binary);
    for (int page = 2; page < 40; ++page) {
      file.seekp(page * 4096);
      file.write("garbage garbage garbage", 23);
    }
  }
  async::Loop loop;
  const auto store = Store::open(loop.executor(), path(), clock_);
  ASSERT_FALSE(store);
  EXPECT_THAT(store.error().message, HasSubstr("is damaged"));
  EXPECT_THAT(store.error().message, HasSubstr("state.db"));
}

TEST_F(StoreTest, SecondProcessIsRefused) {
  with([this](Store&) -> Task<void> {
    async::Loop loop;
    const auto second = Store::open(loop.executor(), path(), clock_);
    EXPECT_FALSE(second);
    EXPECT_THAT(second.error().message, HasSubstr("in use by another process"));
    co_return;
  });
}

TEST_F(StoreTest, BackupOpensAsADatabase) {
  const std::filesystem::path copy = directory_.path() / "copy.db";
  with([&](Store& store) -> Task<void> {
    co_await mustPut(store, "a/1", "x");
    const Status done = co_await store.backup(copy);
    EXPECT_TRUE(done) << done.error().message;
    co_await mustPut(store, "a/2", "y");
  });
  async::Loop loop;
  const auto store = Store::open(loop.executor(), copy, clock_);
  ASSERT_TRUE(store) << store.error().message;
  EXPECT_THAT(bytesOf((*store)->table("core/pods").list("", "", 0)), ElementsAre("x@1"));
}

TEST_F(StoreTest, BackupUnderLoadIsOneMomentOfTheDatabase) {
  const std::filesystem::path copy = directory_.path() / "copy.db";
  with([&](Store& store) -> Task<void> {
    bool ended = false;
    const auto write = [](Store& s, const bool* stop) -> Task<void> {
      // The second follows the first, so no moment has the second alone or more of it.
      for (int i = 1; !*stop; ++i) {
        co_await mustPut(s, "a/first", fmt::format("{}", i));
        co_await mustPut(s, "a/second", fmt::format("{}", i));
      }
    };
    async::TaskGroup group(co_await async::thisExecutor());
    group.spawn("writer", write(store, &ended));
    while (store.figures().writes < 50) co_await async::yield();
    const Status done = co_await store.backup(copy);
    EXPECT_TRUE(done) << done.error().message;
    ended = true;
    co_await group.join();
  });
  async::Loop loop;
  const auto store = Store::open(loop.executor(), copy, clock_);
  ASSERT_TRUE(store) << store.error().message;
  const auto number = [&](const char* key) { return std::stoi((*store)->table("core/pods").find(key)->bytes); };
  EXPECT_GE(number("a/first"), 25);
  EXPECT_GE(number("a/first"), number("a/second"));
  EXPECT_LE(number("a/first"), number("a/second") + 1);
}

TEST_F(StoreTest, BackupThatCannotBeWrittenLeavesNothingBehind) {
  with([&](Store& store) -> Task<void> {
    co_await mustPut(store, "a/1", "x");
    const Status nowhere = co_await store.backup(directory_.path() / "missing" / "copy.db");
    EXPECT_FALSE(nowhere);
    std::ofstream(directory_.path() / "there.db") << "mine";
    const Status taken = co_await store.backup(directory_.path() / "there.db");
    EXPECT_FALSE(taken);
    EXPECT_EQ(taken.error().code, Code::AlreadyExists);
  });
  EXPECT_EQ(readFile(directory_.path() / "there.db").value(), "mine");
  for (const auto& entry : std::filesystem::directory_iterator(directory_.path())) {
    EXPECT_NE(entry.path().extension(), ".unfinished");
  }
}

}  // namespace
}  // namespace slipway::apiserver
