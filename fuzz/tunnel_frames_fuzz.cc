// A gRPC body from a peer, first byte: which end of the tunnel reads it. Nothing may crash, hang or grow without bound.
#include "async/loop.h"
#include "tunnel/grpc_codec.h"
#include "tunnel/testing/recording_sink.h"
#include "tunnel/tunnel_callee.h"
#include "tunnel/tunnel_caller.h"

namespace slipway::tunnel {
namespace {

Task<Status> echo(ServerCall& call) {
  while (true) {
    CO_TRY(std::optional<std::string> message, co_await call.receive());
    if (!message) co_return Status{};
    CO_TRY_STATUS(co_await call.send(std::move(*message)));
  }
}

std::shared_ptr<const Service> echoService() {
  auto service = std::make_shared<Service>();
  service->on("/a", [](ServerCall& call) { return echo(call); });
  return service;
}

Task<void> answer(GrpcMessageReader& reader) {
  const Executor executor = co_await async::thisExecutor();
  const auto sink = std::make_shared<testing::RecordingSink>();
  const CallLimits limits{.max_message = 1 << 16, .max_calls = 4};
  const auto callee = std::make_shared<TunnelCallee>(executor, sink, echoService(), limits, 1);
  while (std::optional<std::string> message = reader.next()) {
    Result<Frame> frame = parseFromCaller(*message);
    if (!frame) break;
    if (frame->kind == FrameKind::NewStream) frame->data = "/a";
    // Revision zero waits for its reader, which here may never come.
    if (frame->kind == FrameKind::NewStream) frame->revision = 1;
    const Status fed = co_await callee->feed(std::move(*frame));
    if (!fed) break;
    co_await async::yield();
  }
  co_await callee->stop();
}

Task<void> call(GrpcMessageReader& reader) {
  const auto sink = std::make_shared<testing::RecordingSink>();
  const auto caller = std::make_shared<TunnelCaller>(sink, CallLimits{.max_message = 1 << 16}, 1, kInitialWindow);
  Result<std::unique_ptr<ClientCall>> first = co_await caller->open("/a");
  Result<std::unique_ptr<ClientCall>> second = co_await caller->open("/a");
  while (std::optional<std::string> message = reader.next()) {
    Result<Frame> frame = parseFromCallee(*message);
    if (!frame) break;
    const Status fed = co_await caller->feed(std::move(*frame));
    if (!fed) break;
  }
  caller->fail({Code::ServiceUnavailable, "over"});
  while (true) {
    const auto message = co_await (*first)->receive();
    if (!message || !*message) break;
  }
}

}  // namespace
}  // namespace slipway::tunnel

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace slipway;
  if (size == 0) return 0;
  tunnel::GrpcMessageReader reader(1 << 16);
  (void)reader.feed(std::string_view(reinterpret_cast<const char*>(data + 1), size - 1));
  async::runToEnd(data[0] % 2 == 0 ? tunnel::answer(reader) : tunnel::call(reader));
  return 0;
}
