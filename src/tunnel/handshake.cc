#include "tunnel/handshake.h"

namespace slipway::tunnel {
namespace {

using Parse = Result<Frame> (*)(std::string_view);

template <typename End>
Task<Error> pump(std::shared_ptr<GrpcStream> stream, std::shared_ptr<FrameSink> sink, std::shared_ptr<End> end,
                 Parse parse) {
  while (true) {
    Result<std::optional<std::string>> message = co_await stream->receive();
    if (!message) co_return message.error();
    if (!*message) co_return Error{Code::ServiceUnavailable, "the other side closed the tunnel"};
    Result<Frame> frame = parse(**message);
    if (!frame) co_return frame.error();
    const Status fed = co_await end->feed(std::move(*frame));
    if (!fed) co_return fed.error();
    co_await sink->notFlooded();
  }
}

}  // namespace

bool negotiates(const Metadata& headers) {
  const auto it = headers.find(std::string(kNegotiate));
  return it != headers.end() && !it->second.empty() && it->second.front() == "on";
}

Task<Result<Agreement>> agreeAsCallee(std::shared_ptr<GrpcStream> stream) {
  CO_TRY(const Metadata headers, co_await stream->responseHeaders());
  if (!negotiates(headers)) co_return Agreement{};
  Frame settings{.stream = kSettingsStream, .kind = FrameKind::Settings, .size = kInitialWindow, .revisions = {0, 1}};
  stream->send(encodeFromCallee(std::move(settings)));
  co_return Agreement{.revision = 1};
}

Task<Result<Agreement>> agreeAsCaller(std::shared_ptr<GrpcStream> stream) {
  if (!negotiates(grpcMetadata(stream->requestHeaders()))) {
    stream->respond({});
    co_return Agreement{};
  }
  stream->respond({{std::string(kNegotiate), {"on"}}});
  CO_TRY(const std::optional<std::string> first, co_await stream->receive());
  if (!first) co_return failure(Code::BadRequest, "tunnel: closed before its settings came");
  CO_TRY(const Frame settings, parseFromCallee(*first));
  if (settings.kind != FrameKind::Settings || settings.stream != kSettingsStream) {
    co_return failure(Code::BadRequest, "tunnel: the first frame is not the settings");
  }
  const auto understands = [&](int revision) {
    return std::ranges::find(settings.revisions, revision) != settings.revisions.end();
  };
  if (understands(1)) co_return Agreement{.revision = 1, .peer_window = settings.size};
  if (understands(0)) co_return Agreement{};
  co_return failure(Code::NotImplemented, "tunnel: the other side knows no protocol revision that is known here");
}

Task<Error> pumpToCallee(std::shared_ptr<GrpcStream> stream, std::shared_ptr<FrameSink> sink,
                         std::shared_ptr<TunnelCallee> callee) {
  return pump(std::move(stream), std::move(sink), std::move(callee), &parseFromCaller);
}

Task<Error> pumpToCaller(std::shared_ptr<GrpcStream> stream, std::shared_ptr<FrameSink> sink,
                         std::shared_ptr<TunnelCaller> caller) {
  return pump(std::move(stream), std::move(sink), std::move(caller), &parseFromCallee);
}

}  // namespace slipway::tunnel
