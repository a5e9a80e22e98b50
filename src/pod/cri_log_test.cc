#include "pod/cri_log.h"

#include <gtest/gtest.h>

#include <fstream>

#include "base/files.h"

namespace slipway::pod {
namespace {

const WallTime kNow{std::chrono::seconds(1700000000)};

std::string show(std::string_view log, LogOptions options = {}) {
  CriLogReader reader(std::move(options));
  return reader.feed(log) + reader.finish();
}

std::string written(std::string_view bytes) {
  CriLogWriter writer("stdout");
  return writer.feed(bytes, kNow) + writer.flush(kNow);
}

std::string readAll(const std::string& log, LogOptions options) {
  const TemporaryDirectory directory;
  const auto path = directory.path() / "0.log";
  EXPECT_TRUE(writeFileAtomic(path, log));
  auto file = LogFile::open(path, std::move(options));
  std::string out;
  while (!file->atEnd()) out += file->read().value();
  return out;
}

TEST(CriLogWriter, WritesOneEntryForEachLine) {
  EXPECT_EQ(written("a\n\nb"),
            "2023-11-14T22:13:20.000000000Z stdout F a\n2023-11-14T22:13:20.000000000Z stdout F \n"
            "2023-11-14T22:13:20.000000000Z stdout P b\n");
}

TEST(CriLog, BytesComeBackAsTheyWereWhereverTheyAreCut) {
  std::string text =
      "first\n\n" + std::string(40000, 'x') + "\n" + std::string(CriLogWriter::kMaxEntry, 'y') + "\nlast";
  text[3] = '\0';
  const std::string whole = written(text);
  EXPECT_EQ(show(whole), text);
  for (size_t cut : {size_t{0}, size_t{1}, size_t{6}, size_t{7}, size_t{16391}, text.size() - 1}) {
    CriLogWriter writer("stdout");
    const std::string log =
        writer.feed(text.substr(0, cut), kNow) + writer.feed(text.substr(cut), kNow) + writer.flush(kNow);
    EXPECT_EQ(show(log), text) << cut;
  }
  const std::string small = written("one\ntwo\nthree");
  for (size_t cut = 0; cut <= small.size(); ++cut) {
    CriLogReader reader({});
    std::string out = reader.feed(small.substr(0, cut));
    out += reader.feed(small.substr(cut));
    EXPECT_EQ(out + reader.finish(), "one\ntwo\nthree") << cut;
  }
}

TEST(CriLogReader, FiltersByStreamSinceAndLimit) {
  const std::string log =
      "2023-11-14T22:13:20.000000000Z stdout F a\n2023-11-14T22:13:21.000000000Z stderr F b\n"
      "2023-11-14T22:13:22.000000000Z stdout F c\n";
  EXPECT_EQ(show(log, {.stream = "stderr"}), "b\n");
  EXPECT_EQ(show(log, {.since = kNow + std::chrono::seconds(1)}), "b\nc\n");
  EXPECT_EQ(show(log, {.limit_bytes = 3}), "a\nb");
  EXPECT_EQ(show(log, {.timestamps = true, .stream = "stderr"}), "2023-11-14T22:13:21.000000000Z b\n");
}

TEST(CriLogReader, TimestampsComeOnceForALineInPieces) {
  const std::string log = written(std::string(20000, 'x') + "\n");
  EXPECT_EQ(show(log, {.timestamps = true}), "2023-11-14T22:13:20.000000000Z " + std::string(20000, 'x') + "\n");
}

TEST(LogFile, TailGivesTheLastLinesWhateverTheirLength) {
  std::string text;
  for (int i = 0; i < 20000; ++i) text += fmt::format("line {}\n", i);
  const std::string log = written(text);
  EXPECT_EQ(readAll(log, {.tail_lines = 2}), "line 19998\nline 19999\n");
  EXPECT_EQ(readAll(log, {.tail_lines = 0}), "");
  EXPECT_EQ(readAll(log, {.tail_lines = 30000}), text);
  EXPECT_EQ(readAll(log, {}), text);
  const std::string long_line = std::string(100000, 'z') + "\n";
  EXPECT_EQ(readAll(log + written(long_line), {.tail_lines = 1}), long_line);
  EXPECT_EQ(readAll(log + written(long_line + "end\n"), {.tail_lines = 2}), long_line + "end\n");
  EXPECT_EQ(readAll(log + written("no end"), {.tail_lines = 1}), "no end");
  EXPECT_EQ(readAll(log + written("no end"), {.tail_lines = 2}), "line 19999\nno end");
}

TEST(LogFile, EmptyLogEndsAtOnceAndGrows) {
  const TemporaryDirectory directory;
  const auto path = directory.path() / "0.log";
  std::ofstream out(path);
  out.flush();
  auto file = LogFile::open(path, {});
  EXPECT_EQ(file->read().value(), "");
  EXPECT_TRUE(file->atEnd());
  out << written("x\n") << std::flush;
  EXPECT_EQ(file->read().value(), "x\n");
}

}  // namespace
}  // namespace slipway::pod
