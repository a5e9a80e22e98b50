#include "tunnel/grpc_codec.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tunnel/frame.h"

namespace slipway::tunnel {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;

std::vector<std::string> drain(GrpcMessageReader& reader) {
  std::vector<std::string> messages;
  while (std::optional<std::string> message = reader.next()) messages.push_back(std::move(*message));
  return messages;
}

const std::string kThree = std::string("\0\0\0\0\5hello\0\0\0\0\0\0\0\0\0\2hi", 22);

TEST(GrpcMessageReader, ReadsWholeAndByteByByte) {
  EXPECT_EQ(grpcFrame("hello") + grpcFrame("") + grpcFrame("hi"), kThree);
  GrpcMessageReader whole(100);
  ASSERT_TRUE(whole.feed(kThree).has_value());
  EXPECT_THAT(drain(whole), ElementsAre("hello", "", "hi"));
  GrpcMessageReader bytes(100);
  for (const char c : kThree) ASSERT_TRUE(bytes.feed(std::string_view(&c, 1)).has_value());
  EXPECT_THAT(drain(bytes), ElementsAre("hello", "", "hi"));
}

TEST(GrpcMessageReader, CutAnywhereItKnowsWhetherItIsBetweenMessages) {
  for (size_t cut = 0; cut <= kThree.size(); ++cut) {
    GrpcMessageReader reader(100);
    ASSERT_TRUE(reader.feed(std::string_view(kThree).substr(0, cut)).has_value());
    EXPECT_EQ(reader.atBoundary(), cut == 0 || cut == 10 || cut == 15 || cut == 22) << cut;
    ASSERT_TRUE(reader.feed(std::string_view(kThree).substr(cut)).has_value());
    EXPECT_EQ(drain(reader).size(), 3U) << cut;
  }
}

TEST(GrpcMessageReader, RefusesCompressedAndOversizeBeforeTheirBytesCome) {
  GrpcMessageReader compressed(100);
  EXPECT_TRUE(compressed.feed(std::string_view("\1\0\0\0\1", 5)).error().is(Code::NotImplemented));
  GrpcMessageReader oversize(100);
  EXPECT_TRUE(oversize.feed(std::string_view("\0\xff\xff\xff\xff", 5)).error().is(Code::RequestEntityTooLarge));
}

TEST(GrpcStatus, TrailersTellTheStatus) {
  EXPECT_TRUE(grpcStatusIn({{"grpc-status", "0"}}).has_value());
  const Status refused = grpcStatusIn({{"grpc-status", "14"}, {"grpc-message", "too%20many%20p%C3%A4ngs"}});
  EXPECT_TRUE(refused.error().is(Code::ServiceUnavailable));
  EXPECT_EQ(refused.error().message, "gRPC status 14: too many pängs");
  EXPECT_TRUE(grpcStatusIn({}).error().is(Code::InternalError));
  EXPECT_TRUE(grpcStatusIn({{"grpc-status", "99999999999999999999"}}).error().is(Code::InternalError));
  EXPECT_TRUE(grpcStatusIn({{"grpc-status", "-7"}}).error().is(Code::InternalError));
}

TEST(GrpcStatus, MessagesAreAsciiOnTheWire) {
  EXPECT_EQ(encodeGrpcMessage("50% ä\n"), "50%25 %C3%A4%0A");
}

TEST(GrpcStatus, TimeoutsInAllUnits) {
  EXPECT_EQ(parseGrpcTimeout("5S").value(), 5s);
  EXPECT_EQ(parseGrpcTimeout("100m").value(), 100ms);
  EXPECT_EQ(parseGrpcTimeout("2M").value(), 2min);
  EXPECT_EQ(parseGrpcTimeout("1H").value(), 1h);
  EXPECT_EQ(parseGrpcTimeout("99999999H").value(), std::chrono::hours(1'000'000));
  EXPECT_EQ(parseGrpcTimeout("7n").value(), 7ns);
  for (const std::string_view bad : {"", "5", "S", "-5S", "5X", "123456789S", "1.5S"}) {
    EXPECT_FALSE(parseGrpcTimeout(bad).has_value()) << bad;
  }
}

TEST(GrpcStatus, AnAnswerThatIsNotGrpcSaysWhatItIs) {
  EXPECT_TRUE(checkGrpcResponse({{":status", "200"}, {"content-type", "application/grpc+proto"}}).has_value());
  EXPECT_TRUE(checkGrpcResponse({{":status", "503"}}).error().is(Code::ServiceUnavailable));
  EXPECT_TRUE(checkGrpcResponse({{":status", "403"}}).error().is(Code::Forbidden));
  EXPECT_FALSE(checkGrpcResponse({{":status", "200"}, {"content-type", "text/html"}}).has_value());
}

Frame everything(FrameKind kind) {
  Frame frame{.stream = 7, .kind = kind, .data = "d\0ta", .size = 12};
  frame.revision = 1;
  frame.revisions = {0, 1};
  frame.metadata = {{"a", {"1", "2"}}, {"b", {}}};
  frame.outcome = {.code = 5, .message = "gone", .trailers = {{"t", {"x"}}}};
  return frame;
}

TEST(Frame, TheCallersKindsSurviveTheWire) {
  for (const FrameKind kind : {FrameKind::NewStream, FrameKind::Message, FrameKind::More, FrameKind::HalfClose,
                               FrameKind::Cancel, FrameKind::WindowUpdate}) {
    const auto back = parseFromCaller(encodeFromCaller(everything(kind)));
    ASSERT_TRUE(back.has_value());
    EXPECT_EQ(back->kind, kind);
    EXPECT_EQ(back->stream, 7);
  }
  const Frame opened = parseFromCaller(encodeFromCaller(everything(FrameKind::NewStream))).value();
  EXPECT_EQ(opened.size, 12U);
  EXPECT_EQ(opened.revision, 1);
  EXPECT_EQ(opened.metadata, everything(FrameKind::NewStream).metadata);
}

TEST(Frame, TheCalleesKindsSurviveTheWire) {
  for (const FrameKind kind : {FrameKind::Settings, FrameKind::Headers, FrameKind::Message, FrameKind::More,
                               FrameKind::Close, FrameKind::WindowUpdate}) {
    const auto back = parseFromCallee(encodeFromCallee(everything(kind)));
    ASSERT_TRUE(back.has_value());
    EXPECT_EQ(back->kind, kind);
    EXPECT_EQ(back->stream, 7);
  }
  const Frame closed = parseFromCallee(encodeFromCallee(everything(FrameKind::Close))).value();
  EXPECT_EQ(closed.outcome.code, 5);
  EXPECT_EQ(closed.outcome.message, "gone");
  EXPECT_EQ(closed.outcome.trailers.at("t").front(), "x");
}

TEST(Frame, CutAtEveryByteItIsAFrameOrAnErrorAndNothingElse) {
  for (const FrameKind kind : {FrameKind::NewStream, FrameKind::Message, FrameKind::Cancel}) {
    const std::string bytes = encodeFromCaller(everything(kind));
    for (size_t cut = 0; cut < bytes.size(); ++cut) (void)parseFromCaller(std::string_view(bytes).substr(0, cut));
  }
  EXPECT_FALSE(parseFromCaller("").has_value());
  EXPECT_FALSE(parseFromCallee("\xff\xff\xff").has_value());
  // A method name that is not UTF-8 is no string of protobuf.
  EXPECT_FALSE(parseFromCaller(std::string_view("\x08\x01\x12\x04\x0a\x02\xff\xfe", 8)).has_value());
}

TEST(Outcome, EveryCodeGoesThereAndBack) {
  for (int code = 0; code <= static_cast<int>(Code::InsufficientStorage); ++code) {
    const Status back = statusOf(outcomeOf(failure(static_cast<Code>(code), "x")));
    EXPECT_EQ(static_cast<int>(back.error().code), code);
  }
  EXPECT_TRUE(statusOf({.code = 2}).error().is(Code::InternalError));
  EXPECT_TRUE(statusOf({.code = 1}).error().is(Code::ServiceUnavailable));
  EXPECT_TRUE(statusOf({.code = 4711}).error().is(Code::InternalError));
  EXPECT_EQ(outcomeOf(failure(Code::NotFound, "bad \xff")).message, "bad \xEF\xBF\xBD");
}

}  // namespace
}  // namespace slipway::tunnel
