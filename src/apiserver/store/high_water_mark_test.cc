// What SQLite takes for the end of its log although it is not: noticed by the mark beside the database.
#include "apiserver/store/high_water_mark.h"

#include <gmock/gmock.h>

#include <fstream>

#include "apiserver/store/store.h"
#include "async/loop.h"
#include "base/testing/manual_clock.h"

namespace slipway::apiserver {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class HighWaterMarkTest : public ::testing::Test {
 protected:
  static std::string rendered(int64_t revision) { return fmt::format("{}@{}", std::string(6000, 'v'), revision); }

  /// Writes objects and copies the files as a killed process leaves them: the log not yet in the database.
  void writeAndDie(int count) {
    async::Loop loop;
    auto store = Store::open(loop.executor(), directory_.path() / "state.db", clock_);
    ASSERT_TRUE(store) << store.error().message;
    loop.run(write(store->get(), count), false);
    for (const char* suffix : {"", "-wal", ".mark"}) {
      std::filesystem::copy_file(directory_.path() / (std::string("state.db") + suffix), left(suffix),
                                 std::filesystem::copy_options::overwrite_existing);
    }
  }
  static Task<void> write(Store* store, int count) {
    for (int i = 0; i < count; ++i) {
      const auto done = co_await store->put("core/pods", fmt::format("a/{}", i), nullptr, rendered);
      EXPECT_TRUE(done);
    }
  }
  std::filesystem::path left(std::string_view suffix) const {
    return directory_.path() / fmt::format("left.db{}", suffix);
  }
  std::string openLeft() {
    async::Loop loop;
    const auto store = Store::open(loop.executor(), left(""), clock_);
    return store ? fmt::format("revision {}", (*store)->revision()) : store.error().message;
  }
  void flipByte(const std::filesystem::path& path, double where) {
    std::fstream file(path, std::ios::binary | std::ios::in | std::ios::out);
    const auto at = static_cast<std::streamoff>(static_cast<double>(std::filesystem::file_size(path)) * where);
    file.seekg(at);
    const char byte = static_cast<char>(file.get() ^ 0x10);
    file.seekp(at);
    file.put(byte);
  }

  TemporaryDirectory directory_;
  slipway::testing::ManualClock clock_;
};

TEST_F(HighWaterMarkTest, DamageAnywhereInTheWriteAheadLogIsNoticedAtStart) {
  writeAndDie(20);
  EXPECT_EQ(openLeft(), "revision 20");
  for (const double where : {0.3, 0.5, 0.95}) {
    for (const auto& file : std::filesystem::directory_iterator(directory_.path())) std::filesystem::remove(file);
    writeAndDie(20);
    flipByte(left("-wal"), where);
    EXPECT_THAT(openLeft(), AllOf(HasSubstr("but 20 was acknowledged"), HasSubstr("restore a backup"),
                                  HasSubstr("left.db.mark to go on without them")))
        << where;
  }
}

TEST_F(HighWaterMarkTest, IsSyncedOnceForManyAppends) {
  const auto file = LogFile::open(directory_.path() / "state.db", {.serving = true});
  ASSERT_TRUE(file) << file.error().message;
  EXPECT_FALSE((*file)->markIsBehind());
  for (int64_t revision = 1; revision <= 3; ++revision) {
    const LogRow row{revision, "registry/core/pods/a/b", rendered(revision), false};
    ASSERT_TRUE((*file)->append({&row, 1}));
    EXPECT_TRUE((*file)->markIsBehind());
  }
  (*file)->syncMark();
  EXPECT_FALSE((*file)->markIsBehind());
}

TEST_F(HighWaterMarkTest, WithoutTheMarkTheDatabaseOpens) {
  writeAndDie(20);
  flipByte(left("-wal"), 0.5);
  std::filesystem::remove(left(".mark"));
  EXPECT_THAT(openLeft(), HasSubstr("revision "));
}

TEST_F(HighWaterMarkTest, ATornMarkCountsForNone) {
  const std::filesystem::path path = directory_.path() / "mark";
  HighWaterMark::open(path).value().raise(17);
  EXPECT_EQ(HighWaterMark::open(path).value().revision(), 17);
  for (size_t cut = 0; cut < 30; ++cut) {
    HighWaterMark::open(path).value().raise(17);
    std::filesystem::resize_file(path, cut);
    EXPECT_EQ(HighWaterMark::open(path).value().revision(), 0) << cut;
  }
  ASSERT_TRUE(writeFileAtomic(path, "00000000000000000017 00000000\n"));
  EXPECT_EQ(HighWaterMark::open(path).value().revision(), 0);
}

}  // namespace
}  // namespace slipway::apiserver
