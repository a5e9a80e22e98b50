#include <gtest/gtest.h>

#include "async/loop.h"
#include "tunnel/testing/echo_service.h"
#include "tunnel/testing/recording_sink.h"
#include "tunnel/tunnel_callee.h"
#include "tunnel/tunnel_caller.h"

// What the other side can do wrong, frame by frame.
namespace slipway::tunnel {
namespace {

using testing::EchoService;
using testing::RecordingSink;

Frame newStream(int64_t id, std::string method, int revision = 1, uint32_t window = kInitialWindow) {
  Frame frame{.stream = id, .kind = FrameKind::NewStream, .data = std::move(method), .size = window};
  frame.revision = revision;
  return frame;
}
Frame message(int64_t id, uint32_t size, std::string data) {
  return {.stream = id, .kind = FrameKind::Message, .data = std::move(data), .size = size};
}
Frame more(int64_t id, std::string data) {
  return {.stream = id, .kind = FrameKind::More, .data = std::move(data)};
}
Frame bare(int64_t id, FrameKind kind) {
  return {.stream = id, .kind = kind};
}

/// The answering side with a caller made of frames.
struct CalleeScene {
  EchoService echo;
  std::shared_ptr<RecordingSink> sink = std::make_shared<RecordingSink>();
  std::shared_ptr<TunnelCallee> callee;
  explicit CalleeScene(Executor executor, int revision = 1, CallLimits limits = {})
      : callee(std::make_shared<TunnelCallee>(executor, sink, echo.service, limits, revision)) {}

  /// The tunnel lives on after this frame.
  Task<void> fine(Frame frame) {
    const Status fed = co_await callee->feed(std::move(frame));
    EXPECT_TRUE(fed.has_value());
  }
  /// This frame ends the tunnel.
  Task<void> fatal(Frame frame) {
    const Status fed = co_await callee->feed(std::move(frame));
    EXPECT_FALSE(fed.has_value());
  }
};

using Abuse = std::vector<Frame>;

/// Feeds the frames; then the one call must have ended with this gRPC code.
Task<int> closeCodeAfter(Abuse frames) {
  const Executor executor = co_await async::thisExecutor();
  CalleeScene scene(executor);
  for (Frame& frame : frames) {
    co_await scene.fine(std::move(frame));
  }
  const Frame closed = co_await scene.sink->await(FrameKind::Close);
  co_await scene.callee->stop();
  EXPECT_EQ(scene.callee->calls(), 0U);
  co_return closed.outcome.code;
}
int abuse(Abuse frames) {
  return async::runToEnd(closeCodeAfter(std::move(frames)));
}

TEST(HostileCaller, ACallWithoutMethodIsRefused) {
  EXPECT_EQ(abuse({newStream(1, "")}), static_cast<int>(GrpcCode::InvalidArgument));
}
TEST(HostileCaller, AnUnagreedRevisionIsRefused) {
  EXPECT_EQ(abuse({newStream(1, "/test/Hang", 2)}), static_cast<int>(GrpcCode::Unimplemented));
}
TEST(HostileCaller, ABadTimeoutIsRefused) {
  Frame opening = newStream(1, "/test/Hang");
  opening.metadata["grpc-timeout"] = {"soon"};
  EXPECT_EQ(abuse({opening}), static_cast<int>(GrpcCode::InvalidArgument));
}
TEST(HostileCaller, ATimeoutIsHonoured) {
  Frame opening = newStream(1, "/test/Hang");
  opening.metadata["grpc-timeout"] = {"2m"};
  EXPECT_EQ(abuse({opening}), static_cast<int>(GrpcCode::DeadlineExceeded));
}
TEST(HostileCaller, DataBeyondTheWindowEndsTheCall) {
  Abuse frames = {newStream(1, "/test/Hang"), message(1, 1 << 20, std::string(16384, 'x'))};
  for (int i = 0; i < 4; ++i) frames.push_back(more(1, std::string(16384, 'x')));
  EXPECT_EQ(abuse(frames), static_cast<int>(GrpcCode::ResourceExhausted));
}
TEST(HostileCaller, EndlessEmptyMessagesEndTheCall) {
  Abuse frames = {newStream(1, "/test/Hang")};
  for (int i = 0; i < 70'000; ++i) frames.push_back(message(1, 0, ""));
  EXPECT_EQ(abuse(frames), static_cast<int>(GrpcCode::ResourceExhausted));
}
TEST(HostileCaller, AMessageOverTheLimitIsRefusedBeforeItComes) {
  EXPECT_EQ(abuse({newStream(1, "/test/Hang"), message(1, 0xffffffff, "x")}),
            static_cast<int>(GrpcCode::ResourceExhausted));
}
TEST(HostileCaller, ChunksThatDoNotAddUpEndTheCall) {
  const int bad = static_cast<int>(GrpcCode::InvalidArgument);
  EXPECT_EQ(abuse({newStream(1, "/test/Hang"), message(1, 2, "abc")}), bad);
  EXPECT_EQ(abuse({newStream(1, "/test/Hang"), message(1, 4, "abc"), more(1, "de")}), bad);
  EXPECT_EQ(abuse({newStream(1, "/test/Hang"), message(1, 4, "abc"), message(1, 1, "a")}), bad);
  EXPECT_EQ(abuse({newStream(1, "/test/Hang"), more(1, "abc")}), bad);
  EXPECT_EQ(abuse({newStream(1, "/test/Hang"), bare(1, FrameKind::HalfClose), message(1, 1, "a")}), bad);
  Frame flood{.stream = 1, .kind = FrameKind::WindowUpdate, .size = 0xffffffff};
  EXPECT_EQ(abuse({newStream(1, "/test/Hang"), flood}), bad);
}
TEST(HostileCaller, HalfCloseWithinAMessageIsAnErrorToTheHandler) {
  const Abuse frames = {newStream(1, "/test/Echo"), message(1, 4, "abc"), bare(1, FrameKind::HalfClose)};
  EXPECT_EQ(abuse(frames), static_cast<int>(GrpcCode::Internal));
}

Task<void> breaksTunnel() {
  const Executor executor = co_await async::thisExecutor();
  CalleeScene scene(executor);
  co_await scene.fatal(message(1, 1, "a"));
  co_await scene.fatal(bare(0, FrameKind::Cancel));
  co_await scene.fatal(bare(-1, FrameKind::HalfClose));
  co_await scene.fine(newStream(5, "test/Hang"));
  co_await scene.fatal(newStream(5, "/test/Hang"));
  co_await scene.fatal(newStream(4, "/test/Hang"));
  co_await scene.fine(bare(3, FrameKind::Cancel));
  co_await scene.fatal(bare(6, FrameKind::Cancel));
  co_await scene.callee->stop();
}
TEST(HostileCaller, StreamIdsThatNeverWereOrComeAgainEndTheTunnel) {
  async::runToEnd(breaksTunnel());
}

Task<void> ignoresFinished() {
  const Executor executor = co_await async::thisExecutor();
  CalleeScene scene(executor);
  co_await scene.fine(newStream(1, "/test/Nothing"));
  co_await scene.sink->await(FrameKind::Close);
  while (scene.callee->calls() > 0) co_await async::yield();
  co_await scene.fine(message(1, 1, "a"));
  co_await scene.fine(bare(1, FrameKind::Cancel));
  EXPECT_EQ(scene.sink->of(FrameKind::Close).size(), 1U);
}
TEST(HostileCaller, FramesOfFinishedCallsAreIgnored) {
  async::runToEnd(ignoresFinished());
}

Task<void> manyCalls() {
  const Executor executor = co_await async::thisExecutor();
  CalleeScene scene(executor, 1, {.max_calls = 10});
  for (int i = 1; i <= 15; ++i) co_await scene.fine(newStream(i, "/test/Hang"));
  EXPECT_EQ(scene.callee->calls(), 10U);
  EXPECT_EQ(scene.sink->of(FrameKind::Close).size(), 5U);
  co_await scene.callee->stop();
  EXPECT_EQ(scene.sink->of(FrameKind::Close).size(), 15U);
  EXPECT_EQ(scene.echo.running, 0);
}
TEST(HostileCaller, CallsOverTheLimitAreRefusedAndStopEndsTheRest) {
  async::runToEnd(manyCalls());
}

Task<void> tinyWindow() {
  const Executor executor = co_await async::thisExecutor();
  CalleeScene scene(executor);
  co_await scene.fine(newStream(1, "/test/Echo", 1, 3));
  co_await scene.fine(message(1, 10, "0123456789"));
  const Frame first = co_await scene.sink->await(FrameKind::Message);
  EXPECT_EQ(first.data, "012");
  EXPECT_EQ(first.size, 10U);
  co_await async::yield();
  EXPECT_TRUE(scene.sink->of(FrameKind::More).empty());
  Frame grant{.stream = 1, .kind = FrameKind::WindowUpdate, .size = 5};
  co_await scene.fine(grant);
  const Frame second = co_await scene.sink->await(FrameKind::More);
  EXPECT_EQ(second.data, "34567");
  co_await scene.fine(grant);
  const Frame third = co_await scene.sink->await(FrameKind::More, 2);
  EXPECT_EQ(third.data, "89");
  co_await scene.callee->stop();
}
TEST(Callee, KeepsToTheCallersWindowToTheByte) {
  async::runToEnd(tinyWindow());
}

Task<void> grantsWindow() {
  const Executor executor = co_await async::thisExecutor();
  CalleeScene scene(executor);
  co_await scene.fine(newStream(1, "/test/Echo"));
  co_await scene.fine(message(1, 20'000, std::string(16'384, 'x')));
  co_await scene.fine(more(1, std::string(3'616, 'x')));
  co_await scene.fine(message(1, 16'384, std::string(16'384, 'x')));
  const Frame grant = co_await scene.sink->await(FrameKind::WindowUpdate);
  EXPECT_EQ(grant.size, 36'384U);
  co_await scene.callee->stop();
}
TEST(Callee, GivesTheWindowBackAsMessagesAreTaken) {
  async::runToEnd(grantsWindow());
}

Task<void> revisionZero() {
  const Executor executor = co_await async::thisExecutor();
  CalleeScene scene(executor, 0);
  co_await scene.fine(newStream(1, "/test/Echo", 0, 0));
  co_await scene.fine(message(1, 300'000, std::string(300'000, 'x')));
  co_await scene.fine(bare(1, FrameKind::HalfClose));
  const Frame closed = co_await scene.sink->await(FrameKind::Close);
  EXPECT_EQ(closed.outcome.code, 0);
  size_t bytes = 0;
  for (const Frame& frame : scene.sink->frames) bytes += frame.data.size();
  EXPECT_EQ(bytes, 300'000U);
  EXPECT_TRUE(scene.sink->of(FrameKind::WindowUpdate).empty());
}
TEST(Callee, RevisionZeroHasNoWindows) {
  async::runToEnd(revisionZero());
}

// ---- the calling side with a callee made of frames

struct CallerScene {
  std::shared_ptr<RecordingSink> sink = std::make_shared<RecordingSink>();
  std::shared_ptr<TunnelCaller> caller = std::make_shared<TunnelCaller>(sink, CallLimits{}, 1, kInitialWindow);

  Task<std::unique_ptr<ClientCall>> open() {
    Result<std::unique_ptr<ClientCall>> call = co_await caller->open("/test/Any");
    co_return std::move(call).value();
  }
};

Task<void> answersBadly(Abuse frames, Code expected) {
  CallerScene scene;
  const std::unique_ptr<ClientCall> call = co_await scene.open();
  for (Frame& frame : frames) {
    const Status fed = co_await scene.caller->feed(std::move(frame));
    EXPECT_TRUE(fed.has_value());
  }
  while (true) {
    const auto message = co_await call->receive();
    if (message && *message) continue;
    EXPECT_FALSE(message.has_value());
    EXPECT_EQ(static_cast<int>(message.error().code), static_cast<int>(expected));
    break;
  }
  EXPECT_EQ(scene.caller->calls(), 0U);
}
Frame close(int64_t id, int code) {
  Frame frame = bare(id, FrameKind::Close);
  frame.outcome.code = code;
  return frame;
}

TEST(HostileCallee, BadAnswersEndTheCallAndNotTheTunnel) {
  Abuse overrun = {message(1, 1 << 20, std::string(16'384, 'x'))};
  for (int i = 0; i < 4; ++i) overrun.push_back(more(1, std::string(16'384, 'x')));
  async::runToEnd(answersBadly(overrun, Code::TooManyRequests));
  async::runToEnd(answersBadly({message(1, 0xffffffff, "")}, Code::RequestEntityTooLarge));
  async::runToEnd(answersBadly({message(1, 1, "abc")}, Code::BadRequest));
  async::runToEnd(answersBadly({message(1, 5, "abc"), close(1, 0)}, Code::InternalError));
  async::runToEnd(answersBadly({message(1, 3, "abc"), close(1, 5)}, Code::NotFound));
  async::runToEnd(answersBadly({close(1, 4711)}, Code::InternalError));
}

Task<void> cancelIsTold() {
  CallerScene scene;
  {
    const std::unique_ptr<ClientCall> call = co_await scene.open();
    co_await scene.caller->feed(message(1, 1, "abc"));
  }
  EXPECT_EQ(scene.sink->of(FrameKind::Cancel).size(), 1U);
  // The callee did not know yet.
  const Status late = co_await scene.caller->feed(message(1, 1, "a"));
  EXPECT_TRUE(late.has_value());
}
TEST(HostileCallee, ABrokenCallIsCancelledOnce) {
  async::runToEnd(cancelIsTold());
}

Task<void> endsTunnel() {
  CallerScene scene;
  const std::unique_ptr<ClientCall> call = co_await scene.open();
  for (Frame& frame :
       Abuse{message(2, 1, "a"), message(0, 1, "a"), bare(-1, FrameKind::Settings), bare(1, FrameKind::Settings)}) {
    const Status fed = co_await scene.caller->feed(std::move(frame));
    EXPECT_FALSE(fed.has_value());
  }
  scene.caller->fail({Code::ServiceUnavailable, "gone"});
  const auto answer = co_await call->receive();
  EXPECT_FALSE(answer.has_value());
  EXPECT_TRUE(answer.error().is(Code::ServiceUnavailable));
  EXPECT_EQ(answer.error().message, "/test/Any: gone");
  const auto refused = co_await scene.caller->open("/test/Any");
  EXPECT_FALSE(refused.has_value());
}
TEST(HostileCallee, StreamIdsThatNeverWereEndTheTunnel) {
  async::runToEnd(endsTunnel());
}

// ---- fairness

Task<void> sendsOne(TunnelCaller& caller, int& done, size_t bytes) {
  Result<std::unique_ptr<ClientCall>> call = co_await caller.open("/test/Any");
  co_await (*call)->send(std::string(bytes, 'x'));
  ++done;
  async::Event never;
  co_await never.wait();
}

Task<void> takesTurns() {
  const Executor executor = co_await async::thisExecutor();
  CallerScene scene;
  async::TaskGroup group(executor);
  int done = 0;
  for (int i = 0; i < 3; ++i) group.spawn("sender", sendsOne(*scene.caller, done, 40'000));
  co_await scene.sink->await(FrameKind::NewStream, 3);
  scene.sink->setBacklog(FrameSink::kFull);
  for (int i = 0; i < 5; ++i) co_await async::yield();
  const size_t before = scene.sink->frames.size();
  for (int i = 0; i < 10; ++i) co_await async::yield();
  EXPECT_EQ(scene.sink->frames.size(), before);
  scene.sink->setBacklog(0);
  while (done < 3) co_await scene.sink->pushed.wait();
  co_await group.stop();
  EXPECT_EQ(scene.sink->of(FrameKind::Cancel).size(), 3U);
}
TEST(FrameSink, AFullSinkHoldsSendersBackAndThenServesThemAll) {
  async::runToEnd(takesTurns());
}

}  // namespace
}  // namespace slipway::tunnel
