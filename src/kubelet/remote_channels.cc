#include "kubelet/remote_channels.h"

#include <boost/json.hpp>

#include "async/deadline.h"
#include "kubelet/answers.h"
#include "kubelet/spdy_connection.h"
#include "kubelet/web_socket_connection.h"

namespace slipway::kubelet {
namespace {

using Channel = RemoteChannels::Channel;
using Piece = RemoteChannels::Piece;
constexpr std::string_view kV4 = "v4.channel.k8s.io";
constexpr std::string_view kV5 = "v5.channel.k8s.io";
constexpr std::string_view kV1 = "channel.k8s.io";
constexpr uint8_t kClosedChannel = 255;  // v5: the second byte says which
constexpr auto kStreamsLimit = std::chrono::seconds(30);
// kubectl up to 1.32 makes its side of the channels just after the upgrade, and throws away what comes before.
constexpr auto kClientSettles = std::chrono::milliseconds(40);
constexpr size_t kMostEarly = 1024 * 1024;  // bytes on streams before all of them are there

/// The message of a metav1.Status that is no success.
std::string failureIn(const std::string& status) {
  boost::system::error_code error;
  const auto parsed = boost::json::parse(status, error);
  const auto* object = error ? nullptr : parsed.if_object();
  if (object == nullptr) return status;
  const auto* message = object->if_contains("message");
  return message != nullptr && message->is_string() ? std::string(message->get_string()) : std::string();
}

class WebSocketChannels final : public RemoteChannels {
 public:
  /// With `first_version` a failure is told as plain text and success not at all.
  WebSocketChannels(net::StreamPtr stream, bool first_version)
      : connection_(std::move(stream)), first_version_(first_version) {}

  Task<Result<std::optional<Piece>>> receive() override {
    while (true) {
      CO_TRY(std::optional<std::string> message, co_await connection_.next());
      if (!message) co_return std::nullopt;
      if (message->empty()) continue;
      const auto channel = static_cast<uint8_t>(message->front());
      if (channel == kClosedChannel && message->size() > 1) {
        co_return Piece{.channel = static_cast<Channel>((*message)[1]), .closed = true};
      }
      if (channel == static_cast<uint8_t>(Channel::Stdin) || channel == static_cast<uint8_t>(Channel::Resize)) {
        co_return Piece{.channel = static_cast<Channel>(channel), .data = message->substr(1)};
      }
    }
  }

  Task<Status> send(Channel channel, std::string data) override {
    const auto now = std::chrono::steady_clock::now();
    if (!data.empty() && now < settled_) co_await async::sleepFor(settled_ - now);
    data.insert(data.begin(), static_cast<char>(channel));
    const Status sent = co_await connection_.send(std::move(data));
    co_return sent;
  }

  Task<void> finish(std::string status) override {
    if (first_version_) status = failureIn(status);
    if (!first_version_ || !status.empty()) {
      const Status told = co_await send(Channel::Error, std::move(status));
    }
    const Status ended = co_await connection_.end();
  }

 private:
  WebSocketConnection connection_;
  std::chrono::steady_clock::time_point settled_ = std::chrono::steady_clock::now() + kClientSettles;
  bool first_version_;
};

Channel channelOf(std::string_view stream_type) {
  if (stream_type == "stdin") return Channel::Stdin;
  if (stream_type == "stdout") return Channel::Stdout;
  if (stream_type == "stderr") return Channel::Stderr;
  if (stream_type == "resize") return Channel::Resize;
  return Channel::Error;
}

class SpdyChannels final : public RemoteChannels {
 public:
  explicit SpdyChannels(net::StreamPtr stream) : connection_(std::move(stream)) {}

  /// Takes the streams that the client opens, until all that are wanted are there.
  Task<Result<bool>> open(ExecOptions options) {
    std::set<Channel> missing = {Channel::Error};
    if (options.stdin_open) missing.insert(Channel::Stdin);
    if (options.stdout_open) missing.insert(Channel::Stdout);
    if (options.stderr_open) missing.insert(Channel::Stderr);
    if (options.tty) missing.insert(Channel::Resize);
    size_t early_size = 0;
    while (!missing.empty()) {
      CO_TRY(std::optional<http::SpdyFrame> frame, co_await connection_.next());
      if (!frame) co_return failure(Code::ServiceUnavailable, "the client left before it opened its streams");
      if (frame->kind != http::SpdyFrame::Kind::SynStream) {
        early_size += sizeof(http::SpdyFrame) + frame->data.size();
        if (early_size > kMostEarly) co_return failure(Code::BadRequest, "too much data before all streams are open");
        early_.push_back(std::move(*frame));
        continue;
      }
      const Channel channel = channelOf(http::spdyHeader(frame->headers, "streamtype"));
      streams_[channel] = frame->stream;
      missing.erase(channel);
      CO_TRY_STATUS(co_await connection_.reply(frame->stream));
    }
    co_return true;
  }

  Task<Result<std::optional<Piece>>> receive() override {
    using Kind = http::SpdyFrame::Kind;
    while (true) {
      std::optional<http::SpdyFrame> frame;
      if (!early_.empty()) {
        frame = std::move(early_.front());
        early_.pop_front();
      } else {
        CO_TRY(frame, co_await connection_.next());
      }
      if (!frame) co_return std::nullopt;
      if (frame->kind == Kind::SynStream) {
        CO_TRY_STATUS(co_await connection_.reset(frame->stream));
        continue;
      }
      for (const Channel channel : {Channel::Stdin, Channel::Resize}) {
        const auto found = streams_.find(channel);
        if (found == streams_.end() || found->second != frame->stream) continue;
        co_return Piece{channel, std::move(frame->data), frame->fin || frame->kind == Kind::RstStream};
      }
    }
  }

  Task<Status> send(Channel channel, std::string data) override { return sendOn(channel, std::move(data), false); }

  Task<void> finish(std::string status) override {
    const Status out = co_await sendOn(Channel::Stdout, "", true);
    const Status err = co_await sendOn(Channel::Stderr, "", true);
    const Status told = co_await sendOn(Channel::Error, std::move(status), true);
    const Status ended = co_await connection_.end();
  }

 private:
  Task<Status> sendOn(Channel channel, std::string data, bool fin) {
    const auto found = streams_.find(channel);
    if (found == streams_.end()) co_return Status();
    const Status sent = co_await connection_.send(found->second, std::move(data), fin);
    co_return sent;
  }

  SpdyConnection connection_;
  std::map<Channel, uint32_t> streams_;
  std::deque<http::SpdyFrame> early_;
};

Result<http::WebSocketAccept> negotiateWebSocket(const http::Request& request) {
  static constexpr std::array kProtocols = {kV5, kV4, kV1};
  TRY(http::WebSocketAccept accepted, http::acceptWebSocket(request, kProtocols));
  // Who names none speaks the first version (kubelet).
  const bool asked = request.headers.has("Sec-WebSocket-Protocol");
  if (accepted.protocol.empty() && asked) return failure(Code::BadRequest, "a subprotocol is needed: {}", kV5);
  return accepted;
}

Task<Result<RemoteChannelsPtr>> acceptWebSocketChannels(http::Exchange& exchange, ExecOptions options) {
  auto accepted = negotiateWebSocket(exchange.request());
  if (!accepted) {
    co_await answerError(exchange, accepted.error());
    co_return failure(accepted.error());
  }
  const bool first_version = accepted->protocol.empty() || accepted->protocol == kV1;
  CO_TRY(net::StreamPtr stream, co_await exchange.upgrade(std::move(accepted->head)));
  auto channels = std::make_unique<WebSocketChannels>(std::move(stream), first_version);
  // As a kubelet does: an empty message tells the client that the command runs.
  const Channel first = options.stdout_open ? Channel::Stdout : options.stderr_open ? Channel::Stderr : Channel::Error;
  CO_TRY_STATUS(co_await channels->send(first, ""));
  co_return RemoteChannelsPtr(std::move(channels));
}

Task<Result<RemoteChannelsPtr>> acceptSpdyChannels(http::Exchange& exchange, ExecOptions options) {
  CO_TRY(net::StreamPtr stream, co_await acceptSpdy(exchange, std::string(kV4)));
  auto channels = std::make_unique<SpdyChannels>(std::move(stream));
  CO_TRY(const bool opened,
         co_await async::withDeadline(channels->open(options), kStreamsLimit, "waiting for the client's streams"));
  if (!opened) co_return failure(Code::InternalError, "no streams");
  co_return RemoteChannelsPtr(std::move(channels));
}

}  // namespace

Task<Result<RemoteChannelsPtr>> acceptRemoteChannels(http::Exchange& exchange, ExecOptions options) {
  if (http::isWebSocketRequest(exchange.request())) {
    auto channels = co_await acceptWebSocketChannels(exchange, options);
    co_return std::move(channels);
  }
  if (isSpdyRequest(exchange.request())) {
    auto channels = co_await acceptSpdyChannels(exchange, options);
    co_return std::move(channels);
  }
  const Status refused = checkUpgrade(exchange.request());
  co_await answerError(exchange, refused.error());
  co_return failure(refused.error());
}

Status checkUpgrade(const http::Request& request) {
  if (http::isWebSocketRequest(request)) {
    TRY(const http::WebSocketAccept accepted, negotiateWebSocket(request));
    return {};
  }
  if (isSpdyRequest(request)) return checkSpdyProtocol(request, kV4);
  return failure(Code::BadRequest, "unable to upgrade: the request is neither WebSocket nor SPDY/3.1");
}

}  // namespace slipway::kubelet
