#include "http/spdy.h"

#include <gtest/gtest.h>
#include <zlib.h>

namespace slipway::http {
namespace {

using Kind = SpdyFrame::Kind;

Result<std::vector<SpdyFrame>> feed(std::string_view bytes, size_t piece) {
  SpdyDecoder decoder;
  std::vector<SpdyFrame> out;
  for (; !bytes.empty(); bytes.remove_prefix(std::min(piece, bytes.size()))) {
    TRY_STATUS(decoder.feed(bytes.substr(0, piece), out));
  }
  return out;
}

TEST(Spdy, DictionaryIsTheOneOfTheDraft) {
  const std::string& dictionary = spdyDictionary();
  EXPECT_EQ(dictionary.size(), 1423U);
  EXPECT_EQ(adler32(1, reinterpret_cast<const Bytef*>(dictionary.data()), static_cast<uInt>(dictionary.size())),
            0xe3c6a7c2U);
}

TEST(Spdy, EveryFrameComesBackInEveryPiece) {
  SpdyEncoder encoder;
  const SpdyHeaders headers = {{"streamType", "stdin"}, {"port", "80"}, {"empty", ""}};
  std::string wire = encoder.synStream(1, headers) + encoder.synReply(1, {}) + SpdyEncoder::data(1, "hello") +
                     encoder.synStream(3, headers, true) + SpdyEncoder::data(1, "", true) + SpdyEncoder::ping(7) +
                     SpdyEncoder::rstStream(3, 5) + SpdyEncoder::goAway(3, 0);
  for (size_t piece = 1; piece <= wire.size(); ++piece) {
    const auto frames = feed(wire, piece).value();
    ASSERT_GE(frames.size(), 8U);
    EXPECT_EQ(frames[0].kind, Kind::SynStream);
    EXPECT_EQ(spdyHeader(frames[0].headers, "StreamType"), "stdin");
    EXPECT_EQ(frames[0].headers.size(), 3U);
    EXPECT_EQ(frames[1].kind, Kind::SynReply);
    std::string data;
    size_t at = 2;
    for (; frames[at].kind == Kind::Data; ++at) data += frames[at].data;
    EXPECT_EQ(data, "hello");
    EXPECT_EQ(frames[at].kind, Kind::SynStream);
    EXPECT_TRUE(frames[at].fin);
    EXPECT_EQ(spdyHeader(frames[at].headers, "port"), "80");
    EXPECT_TRUE(frames[at + 1].fin);
    EXPECT_EQ(frames[at + 1].stream, 1U);
    EXPECT_EQ(frames[at + 2].kind, Kind::Ping);
    EXPECT_EQ(frames[at + 2].value, 7U);
    EXPECT_EQ(frames[at + 3].kind, Kind::RstStream);
    EXPECT_EQ(frames[at + 4].kind, Kind::GoAway);
  }
}

TEST(Spdy, ManyHeaderBlocksShareOneState) {
  SpdyEncoder encoder;
  SpdyDecoder decoder;
  std::vector<SpdyFrame> frames;
  for (uint32_t i = 0; i < 1000; ++i) {
    const SpdyHeaders headers = {{"requestid", std::to_string(i)}, {"x", std::string(i, 'x')}};
    ASSERT_TRUE(decoder.feed(encoder.synStream(2 * i + 1, headers), frames).has_value());
    EXPECT_EQ(frames.back().headers, headers);
  }
}

TEST(Spdy, MalformedFramesAreRefused) {
  SpdyEncoder encoder;
  std::string syn = encoder.synStream(1, {{"a", "b"}});
  std::string other_version = syn;
  other_version[1] = 2;
  std::string unknown = syn;
  unknown[3] = 42;
  std::string damaged = syn;
  for (size_t i = 20; i < damaged.size(); ++i) damaged[i] = static_cast<char>(0xFF);
  std::string shortened = syn.substr(0, 8) + syn.substr(8, 6);
  shortened[7] = 6;
  const std::string huge("\x80\x03\x00\x01\x00\xff\xff\xff", 8);
  for (const std::string& bytes : {other_version, unknown, damaged, shortened, huge}) {
    EXPECT_FALSE(feed(bytes, 1).has_value());
    EXPECT_FALSE(feed(bytes, bytes.size()).has_value());
  }
}

TEST(Spdy, ValuesThatWouldGrowWithoutBoundAreRefused) {
  const std::string name(128 * 1024, 'n');
  const auto opened = [](const SpdyHeaders& headers) {
    SpdyEncoder encoder;
    return feed(encoder.synStream(1, headers), 4096);
  };
  EXPECT_FALSE(opened({{name, std::string(100 * 1024, '\0')}}).has_value());
  EXPECT_FALSE(opened({{"a", std::string("\0b", 2)}}).has_value());
  EXPECT_FALSE(opened({{"a", std::string("b\0", 2)}}).has_value());
  EXPECT_FALSE(opened({{"a", std::string("b\0\0c", 4)}}).has_value());
  EXPECT_FALSE(opened({{name, std::string("b\0c\0d", 5)}}).has_value());
  SpdyHeaders many;
  for (int i = 0; i < 257; ++i) many.emplace_back(std::to_string(i), "x");
  EXPECT_FALSE(opened(many).has_value());
  many.pop_back();
  EXPECT_EQ(opened(many).value()[0].headers, many);
  const auto two = opened({{"a", std::string("b\0c", 3)}}).value();
  EXPECT_EQ(two[0].headers, (SpdyHeaders{{"a", "b"}, {"a", "c"}}));
}

}  // namespace
}  // namespace slipway::http
