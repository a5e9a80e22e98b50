#include "kubelet/spdy_connection.h"

#include "base/strings.h"
#include "kubelet/answers.h"

namespace slipway::kubelet {
namespace {

constexpr std::string_view kProtocolHeader = "X-Stream-Protocol-Version";
constexpr uint32_t kRefused = 3;

class Turn {
 public:
  explicit Turn(async::Semaphore& semaphore) : semaphore_(semaphore) {}
  ~Turn() { semaphore_.release(); }
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;

 private:
  async::Semaphore& semaphore_;
};

}  // namespace

Task<Result<std::optional<http::SpdyFrame>>> SpdyConnection::next() {
  using Kind = http::SpdyFrame::Kind;
  std::vector<char> buffer(32 * 1024);
  while (true) {
    while (!frames_.empty()) {
      http::SpdyFrame frame = std::move(frames_.front());
      frames_.pop_front();
      if (frame.kind == Kind::Ping) CO_TRY_STATUS(co_await write(http::SpdyEncoder::ping(frame.value)));
      if (frame.kind == Kind::SynStream) last_stream_ = std::max(last_stream_, frame.stream);
      if (frame.kind == Kind::SynStream || frame.kind == Kind::Data || frame.kind == Kind::RstStream) {
        co_return std::optional(std::move(frame));
      }
    }
    CO_TRY(const size_t count, co_await stream_->readSome(buffer));
    if (count == 0) co_return std::nullopt;
    std::vector<http::SpdyFrame> frames;
    CO_TRY_STATUS(decoder_.feed({buffer.data(), count}, frames));
    for (http::SpdyFrame& frame : frames) frames_.push_back(std::move(frame));
  }
}

Task<Status> SpdyConnection::write(std::string bytes) {
  co_await writing_.acquire();
  const Turn turn(writing_);
  const Status written = co_await stream_->write(bytes);
  co_return written;
}

Task<Status> SpdyConnection::reply(uint32_t stream) {
  co_await writing_.acquire();
  const Turn turn(writing_);
  // Compressed in the order of the wire.
  const std::string bytes = encoder_.synReply(stream, {});
  const Status written = co_await stream_->write(bytes);
  co_return written;
}

Task<Status> SpdyConnection::send(uint32_t stream, std::string data, bool fin) {
  return write(http::SpdyEncoder::data(stream, data, fin));
}

Task<Status> SpdyConnection::reset(uint32_t stream) {
  return write(http::SpdyEncoder::rstStream(stream, kRefused));
}

Task<Status> SpdyConnection::end() {
  CO_TRY_STATUS(co_await write(http::SpdyEncoder::goAway(last_stream_, 0)));
  const Status ended = co_await stream_->shutdownWrite();
  co_return ended;
}

bool isSpdyRequest(const http::Request& request) {
  return request.headers.hasToken("Connection", "Upgrade") && request.headers.hasToken("Upgrade", "SPDY/3.1");
}

Status checkSpdyProtocol(const http::Request& request, std::string_view protocol) {
  if (request.headers.hasToken(kProtocolHeader, protocol)) return {};
  return failure(Code::Forbidden,
                 "unable to upgrade: unable to negotiate protocol: client supports [{}], server accepts [{}]",
                 fmt::join(request.headers.all(kProtocolHeader), " "), protocol);
}

Task<Result<net::StreamPtr>> acceptSpdy(http::Exchange& exchange, std::string protocol) {
  const Status spoken = checkSpdyProtocol(exchange.request(), protocol);
  if (!spoken) {
    co_await answerError(exchange, spoken.error());
    co_return failure(spoken.error());
  }
  http::Response head{.status = 101};
  head.headers = {{"Connection", "Upgrade"}, {"Upgrade", "SPDY/3.1"}, {std::string(kProtocolHeader), protocol}};
  auto stream = co_await exchange.upgrade(std::move(head));
  co_return std::move(stream);
}

}  // namespace slipway::kubelet
