#include "pod/log_pieces.h"

#include <gtest/gtest.h>

#include "pod/cri_log.h"

namespace slipway::pod {
namespace {

namespace fs = std::filesystem;

const WallTime kLogTime{std::chrono::seconds(1700000000)};

std::string entriesOf(int from, int to) {
  CriLogWriter writer("stdout");
  std::string text;
  for (int i = from; i < to; ++i) text += fmt::format("line {}\n", i);
  return writer.feed(text, kLogTime);
}

std::string linesOf(int from, int to) {
  std::string text;
  for (int i = from; i < to; ++i) text += fmt::format("line {}\n", i);
  return text;
}

/// A log in three pieces: lines 0–9, 10–9999 and 10000–10009.
struct Pieces : testing::Test {
  TemporaryDirectory directory;
  fs::path log = directory.path() / "7.log";
  int64_t second = 0;
  int64_t third = 0;
  void SetUp() override {
    const std::string texts[] = {entriesOf(0, 10), entriesOf(10, 10000), entriesOf(10000, 10010)};
    second = std::ssize(texts[0]);
    third = second + std::ssize(texts[1]);
    ASSERT_TRUE(writeFileAtomic(log, texts[0]));
    ASSERT_TRUE(writeFileAtomic(piecePath(log, second), texts[1]));
    ASSERT_TRUE(writeFileAtomic(piecePath(log, third), texts[2]));
  }
  std::string readAll(LogOptions options) const {
    auto file = LogFile::open(log, std::move(options)).value();
    return rest(file);
  }
  static std::string rest(LogFile& file) {
    std::string out;
    do out += file.read().value();
    while (!file.atEnd());
    return out;
  }
};

TEST_F(Pieces, AreReadAsOneLog) {
  EXPECT_EQ(readAll({}), linesOf(0, 10010));
  EXPECT_EQ(readAll({.limit_bytes = 80}), linesOf(0, 10010).substr(0, 80));
  EXPECT_EQ(readAll({.since = kLogTime}), linesOf(0, 10010));
}

TEST_F(Pieces, TailCountsOverThem) {
  for (const int lines : {1, 9, 10, 11, 15, 9999, 10000, 10001, 10010, 20000}) {
    EXPECT_EQ(readAll({.tail_lines = lines}), linesOf(std::max(0, 10010 - lines), 10010)) << lines;
  }
}

TEST_F(Pieces, APlaceStaysRightWhenTheOldestGo) {
  auto file = LogFile::open(log, {}).value();
  std::string first = file.read().value();
  const LogPlace place = file.place();
  auto again = LogFile::openAt(log, {}, place).value();
  EXPECT_EQ(first + rest(again), linesOf(0, 10010));
  fs::remove(log);
  again = LogFile::openAt(log, {}, place).value();
  EXPECT_EQ(first + rest(again), linesOf(0, 10010));
  fs::remove(piecePath(log, second));
  again = LogFile::openAt(log, {}, place).value();
  EXPECT_EQ(rest(again), linesOf(10000, 10010));
  EXPECT_EQ(readAll({.tail_lines = 3}), linesOf(10007, 10010));
  EXPECT_EQ(readAll({.tail_lines = 300}), linesOf(10000, 10010));
}

TEST_F(Pieces, AFollowerGoesOnInTheNextOneAlsoWhenItWasTooSlow) {
  auto file = LogFile::open(log, {.tail_lines = 1}).value();
  EXPECT_EQ(rest(file), linesOf(10009, 10010));
  const int64_t fourth = file.place().offset;
  const std::string more = entriesOf(10010, 10020);
  ASSERT_TRUE(writeFileAtomic(piecePath(log, fourth), more));
  EXPECT_EQ(rest(file), linesOf(10010, 10020));
  const int64_t fifth = fourth + std::ssize(more);
  ASSERT_TRUE(writeFileAtomic(piecePath(log, fifth + 1000), entriesOf(11000, 11001)));
  fs::remove(piecePath(log, fourth));
  EXPECT_EQ(rest(file), linesOf(11000, 11001));
}

TEST_F(Pieces, APlaceInAPieceThatIsNotSeenYetIsFoundLater) {
  const fs::path hidden = directory.path() / "hidden";
  fs::rename(piecePath(log, third), hidden);
  auto file = LogFile::openAt(log, {}, {.offset = third + std::ssize(entriesOf(10000, 10002))}).value();
  EXPECT_EQ(rest(file), "");
  fs::rename(hidden, piecePath(log, third));
  EXPECT_EQ(rest(file), linesOf(10002, 10010));
}

TEST_F(Pieces, PiecesThatWereWrittenBeforeSinceAreNotRead) {
  for (const LogPiece& each : piecesOf(log)) {
    if (each.begin < third) fs::last_write_time(each.path, fs::file_time_type::clock::now() - std::chrono::hours(5));
  }
  // Their lines say otherwise, which shows that they were passed over.
  const WallTime hour_ago =
      std::chrono::time_point_cast<WallTime::duration>(std::chrono::system_clock::now()) - std::chrono::hours(1);
  EXPECT_EQ(readAll({.since = hour_ago}), "");
  auto file = LogFile::open(log, {.since = hour_ago}).value();
  EXPECT_EQ(file.place().offset, third);
}

TEST_F(Pieces, OldStartsAreRemovedWithAllTheirPieces) {
  const fs::path other = directory.path() / "8.log";
  ASSERT_TRUE(writeFileAtomic(other, ""));
  ASSERT_TRUE(writeFileAtomic(directory.path() / "notes", ""));
  removeLogsBefore(directory.path(), 7);
  EXPECT_EQ(piecesOf(log).size(), 3U);
  removeLogsBefore(directory.path(), 8);
  EXPECT_TRUE(piecesOf(log).empty());
  EXPECT_TRUE(fs::exists(other));
  EXPECT_TRUE(fs::exists(directory.path() / "notes"));
}

TEST_F(Pieces, TheEndIsReadWhateverThereIsBefore) {
  EXPECT_EQ(endOfLog(log, 80, 2048).value(), linesOf(9930, 10010));
  EXPECT_EQ(endOfLog(log, 80, 22).value(), linesOf(10008, 10010));
  EXPECT_EQ(endOfLog(log, 1, 2048).value(), linesOf(10009, 10010));
  CriLogWriter writer("stderr");
  ASSERT_TRUE(writeFileAtomic(log, writer.feed(std::string(1 << 20U, 'x'), kLogTime) + writer.feed("y\n", kLogTime)));
  fs::remove(piecePath(log, second));
  fs::remove(piecePath(log, third));
  EXPECT_EQ(endOfLog(log, 80, 4).value(), "xxy\n");
  EXPECT_FALSE(endOfLog(directory.path() / "9.log", 80, 4));
}

TEST(PodDirectory, TheNewestLogIsFoundWhenItsFirstPieceIsGone) {
  const TemporaryDirectory directory;
  const PodDirectory pod(directory.path());
  ASSERT_TRUE(makeDirectories(pod.log("main", 0).parent_path()));
  ASSERT_TRUE(writeFileAtomic(pod.log("main", 3), ""));
  ASSERT_TRUE(writeFileAtomic(piecePath(pod.log("main", 4), 100), ""));
  ASSERT_TRUE(writeFileAtomic(piecePath(pod.log("main", 4), 200), ""));
  EXPECT_EQ(pod.newestLog("main", false).value(), pod.log("main", 4));
  EXPECT_EQ(pod.newestLog("main", true).value(), pod.log("main", 3));
}

}  // namespace
}  // namespace slipway::pod
