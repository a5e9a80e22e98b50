#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "apiserver/store/store.h"
#include "apiserver/store/testing/power_loss_disk.h"
#include "async/loop.h"
#include "async/task_group.h"
#include "base/testing/manual_clock.h"

namespace slipway::apiserver {
namespace {

using ::testing::HasSubstr;

constexpr const char* kDatabase = "/data/state.db";
constexpr const char* kTable = "core/pods";
constexpr int kKeys = 12;
constexpr int kWriters = 5;

class SeededRandom final : public Random {
 public:
  explicit SeededRandom(uint64_t seed) : engine_(seed) {}
  uint64_t next() override { return engine_(); }
  uint64_t below(uint64_t limit) { return next() % limit; }

 private:
  std::mt19937_64 engine_;
};

/// What the clients of a store know: what was promised to them, and what they asked for without getting an answer.
struct Ledger {
  struct Entry {
    std::string promised;            ///< "": no such object
    std::set<std::string> possible;  ///< asked for since, outcome unknown
  };
  std::map<std::string, Entry> entries;
  std::set<int64_t> revisions;  ///< that were ever given out
  std::vector<std::string> broken;

  void promise(const std::string& key, const std::string& value, int64_t revision) {
    entries[key] = {value, {}};
    if (!revisions.insert(revision).second) broken.push_back(fmt::format("revision {} was given twice", revision));
  }
  void compare(Store& store) {
    for (auto& [key, entry] : entries) {
      const StoredPtr found = store.table(kTable).find(key);
      const std::string value = found ? found->bytes.substr(0, found->bytes.find('@')) : "";
      if (value != entry.promised && !entry.possible.contains(value)) {
        broken.push_back(fmt::format("{}: {} was promised, {} is there", key, entry.promised, value));
      }
      entry = {value, {}};
    }
    if (!revisions.empty() && store.revision() < *revisions.rbegin()) {
      broken.push_back(fmt::format("revision {} follows {}", store.revision(), *revisions.rbegin()));
    }
  }
};

Store::Render padded(std::string value, size_t size) {
  return [value, size](int64_t revision) { return fmt::format("{}@{} {}", value, revision, std::string(size, 'x')); };
}

/// Writes to keys of its own until the power goes.
Task<void> writeUntilDark(Store& store, testing::PowerLossDisk& disk, Ledger& ledger, SeededRandom& random, int writer,
                          int count) {
  for (int i = 0; i < count && !disk.dead(); ++i) {
    const std::string key = fmt::format("ns/{}-{}", writer, random.below(kKeys));
    const StoredPtr before = store.table(kTable).find(key);
    const bool erases = before && random.below(4) == 0;
    const std::string value = erases ? "" : fmt::format("{}", random.next());
    ledger.entries[key].possible.insert(value);
    Result<StoredPtr> done = failure(Code::InternalError, "");
    if (erases) {
      done = co_await store.erase(kTable, key, before, padded("end", 10));
    } else {
      done = co_await store.put(kTable, key, before, padded(value, random.below(3000)));
    }
    if (done) ledger.promise(key, value, (*done)->revision);
  }
}

class PowerLossTest : public ::testing::Test {
 protected:
  StoreOptions options() const {
    StoreOptions options;
    options.checkpoint_pages = 30;
    options.history_bytes = 20000;
    return options;
  }

  /// One life of the store: from its opening until it ends or the power goes.
  void live(Ledger& ledger, SeededRandom& random, int count) {
    async::Loop loop;
    auto store = Store::open(loop.executor(), kDatabase, clock_, options());
    if (!store && disk_.dead()) return;
    if (!store) return ledger.broken.push_back(store.error().message);
    ledger.compare(**store);
    const auto body = [](Store& s, PowerLossTest& test, Ledger& l, SeededRandom& r, int n) -> Task<void> {
      async::TaskGroup group(co_await async::thisExecutor());
      for (int i = 0; i < kWriters; ++i) group.spawn("writer", writeUntilDark(s, test.disk_, l, r, i, n));
      co_await group.join();
      test.clock_.advance(std::chrono::minutes(r.below(6)));
      s.compact();
    };
    loop.run(body(**store, *this, ledger, random, count), false);
  }

  Ledger livesOf(uint64_t seed, int lives) {
    SeededRandom random(seed);
    Ledger ledger;
    for (int life = 0; life < lives; ++life) {
      disk_.cutAfter(random.below(life % 2 == 0 ? 400 : 40));
      live(ledger, random, 40);
      disk_.cutAfter(0);
      disk_.powerOn(random);
    }
    live(ledger, random, 1);
    return ledger;
  }

  testing::PowerLossDisk disk_;
  testing::DiskUnderSqlite under_sqlite_{disk_};
  slipway::testing::ManualClock clock_;
};

TEST_F(PowerLossTest, AcknowledgedWritesSurviveAndNoRevisionIsGivenTwice) {
  size_t acknowledged = 0;
  for (uint64_t seed = 1; seed <= 15; ++seed) {
    for (const std::string& name : disk_.names()) disk_.remove(name, true);
    const Ledger ledger = livesOf(seed, 8);
    ASSERT_THAT(ledger.broken, ::testing::IsEmpty()) << "seed " << seed;
    acknowledged += ledger.revisions.size();
  }
  EXPECT_GT(acknowledged, 1000U);
}

TEST_F(PowerLossTest, ADiskThatOnlySaysThatItSyncedIsNoticed) {
  disk_.ignoreSyncs(true);
  EXPECT_THAT(livesOf(1, 8).broken, ::testing::Not(::testing::IsEmpty()));
}

Task<Result<StoredPtr>> putOne(Store& store, std::string key, size_t size) {
  const StoredPtr before = store.table(kTable).find(key);
  Store::Render render = padded("v", size);
  co_return co_await store.put(kTable, key, before, std::move(render));
}

TEST_F(PowerLossTest, FullDiskRefusesWritesServesReadsAndHealsByItself) {
  async::Loop loop;
  auto store = Store::open(loop.executor(), kDatabase, clock_, options());
  ASSERT_TRUE(store);
  const auto body = [](Store& s, testing::PowerLossDisk& disk) -> Task<void> {
    Result<StoredPtr> first = co_await putOne(s, "a/1", 100);
    EXPECT_TRUE(first);
    disk.setRoom(disk.used() + 5000);
    Result<StoredPtr> large = co_await putOne(s, "a/2", 50000);
    EXPECT_FALSE(large);
    EXPECT_EQ(large.error().code, Code::InsufficientStorage);
    EXPECT_THAT(large.error().message, HasSubstr("no space left"));
    EXPECT_THAT(large.error().message, HasSubstr(kDatabase));
    EXPECT_TRUE(s.table(kTable).find("a/1"));
    EXPECT_FALSE(s.table(kTable).find("a/2"));
    disk.setRoom(SIZE_MAX);
    Result<StoredPtr> again = co_await putOne(s, "a/2", 50000);
    EXPECT_TRUE(again);
    EXPECT_GT((*again)->revision, (*first)->revision);
  };
  loop.run(body(**store, disk_), false);
  store->reset();
  auto reopened = Store::open(loop.executor(), kDatabase, clock_, options());
  ASSERT_TRUE(reopened) << reopened.error().message;
  EXPECT_EQ((*reopened)->figures().objects, 2U);
}

TEST_F(PowerLossTest, OfManyWritersOnANearlyFullDiskTheSmallOnesGoThrough) {
  async::Loop loop;
  auto store = Store::open(loop.executor(), kDatabase, clock_);
  ASSERT_TRUE(store);
  const auto note = [](Store& s, std::string key, size_t size, int& good, int& bad) -> Task<void> {
    Result<StoredPtr> done = co_await putOne(s, key, size);
    ++(done ? good : bad);
  };
  const auto body = [note](Store& s, testing::PowerLossDisk& disk) -> Task<void> {
    co_await putOne(s, "a/first", 10);
    disk.setRoom(disk.used() + 600000);
    int good = 0;
    int bad = 0;
    async::TaskGroup group(co_await async::thisExecutor());
    group.spawn("large", note(s, "a/large", 700000, good, bad));
    for (int i = 0; i < 10; ++i) group.spawn("small", note(s, fmt::format("a/{}", i), 10, good, bad));
    co_await group.join();
    EXPECT_EQ(good, 10);
    EXPECT_EQ(bad, 1);
  };
  loop.run(body(**store, disk_), false);
}

TEST_F(PowerLossTest, AFlippedBitIsNamedAtStartOrHarmless) {
  SeededRandom random(7);
  std::map<std::string, std::string> written;
  {
    async::Loop loop;
    auto store = Store::open(loop.executor(), kDatabase, clock_);
    ASSERT_TRUE(store);
    const auto body = [](Store& s, std::map<std::string, std::string>& out) -> Task<void> {
      for (int i = 0; i < 60; ++i) {
        const std::string key = fmt::format("a/{}", i);
        Result<StoredPtr> done = co_await putOne(s, key, 1500);
        out[key] = (*done)->bytes;
      }
    };
    loop.run(body(**store, written), false);
  }
  const std::string whole = disk_.read(kDatabase);
  int named = 0;
  for (int i = 0; i < 300; ++i) {
    std::string damaged = whole;
    damaged[random.below(damaged.size())] ^= static_cast<char>(1U << random.below(8));
    disk_.replace(kDatabase, damaged);
    async::Loop loop;
    auto store = Store::open(loop.executor(), kDatabase, clock_);
    if (!store) {
      ++named;
      EXPECT_THAT(store.error().message, HasSubstr(kDatabase));
      EXPECT_THAT(store.error().message, ::testing::AnyOf(HasSubstr("restore"), HasSubstr("format"))) << i;
      continue;
    }
    std::map<std::string, std::string> found;
    for (const auto& [key, object] : (*store)->table(kTable).objects()) found[key] = object->bytes;
    EXPECT_EQ(found, written);
    EXPECT_GE((*store)->revision(), 60);
  }
  EXPECT_GT(named, 150);  // the others hit what no row uses
}

}  // namespace
}  // namespace slipway::apiserver
