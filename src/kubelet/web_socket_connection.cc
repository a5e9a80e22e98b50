#include "kubelet/web_socket_connection.h"

namespace slipway::kubelet {
namespace {

using Opcode = http::WebSocketOpcode;

class WebSocketStream final : public net::ByteStream {
 public:
  explicit WebSocketStream(net::StreamPtr stream) : connection_(std::move(stream)) {}

  Task<Result<size_t>> readSome(std::span<char> buffer) override {
    while (taken_ == bytes_.size()) {
      CO_TRY(std::optional<std::string> message, co_await connection_.next());
      if (!message) co_return size_t{0};
      bytes_ = std::move(*message);
      taken_ = 0;
    }
    const size_t count = bytes_.copy(buffer.data(), buffer.size(), taken_);
    taken_ += count;
    co_return count;
  }
  Task<Status> write(std::string_view bytes) override { return connection_.send(std::string(bytes)); }
  Task<Status> shutdownWrite() override { return connection_.end(); }
  void close() override { connection_.stream().close(); }
  const net::Peer& peer() const override { return const_cast<WebSocketConnection&>(connection_).stream().peer(); }

 private:
  WebSocketConnection connection_;
  std::string bytes_;
  size_t taken_ = 0;
};

}  // namespace

Task<Result<std::optional<std::string>>> WebSocketConnection::next() {
  std::vector<char> buffer(32 * 1024);
  while (true) {
    while (!messages_.empty()) {
      http::WebSocketMessage message = std::move(messages_.front());
      messages_.pop_front();
      if (message.opcode == Opcode::Close) co_return std::nullopt;
      if (message.opcode == Opcode::Ping) CO_TRY_STATUS(co_await write(Opcode::Pong, message.data));
      if (message.opcode == Opcode::Binary || message.opcode == Opcode::Text) {
        co_return std::optional(std::move(message.data));
      }
    }
    CO_TRY(const size_t count, co_await stream_->readSome(buffer));
    if (count == 0) co_return std::nullopt;
    std::vector<http::WebSocketMessage> messages;
    const Status fed = decoder_.feed({buffer.data(), count}, messages);
    if (!fed) {
      const Status told = co_await write(Opcode::Close, http::webSocketClose(1002, "protocol error"));
      co_return failure(fed.error());
    }
    for (http::WebSocketMessage& message : messages) messages_.push_back(std::move(message));
  }
}

Task<Status> WebSocketConnection::write(Opcode opcode, std::string payload) {
  const std::string frame = http::webSocketFrame(opcode, payload);
  co_await writing_.acquire();
  struct Turn {
    async::Semaphore& semaphore;
    ~Turn() { semaphore.release(); }
  } const turn{writing_};
  const Status written = co_await stream_->write(frame);
  co_return written;
}

Task<Status> WebSocketConnection::send(std::string data) {
  return write(Opcode::Binary, std::move(data));
}

Task<Status> WebSocketConnection::end() {
  CO_TRY_STATUS(co_await write(Opcode::Close, http::webSocketClose(1000, "")));
  const Status ended = co_await stream_->shutdownWrite();
  co_return ended;
}

net::StreamPtr streamOverWebSocket(net::StreamPtr stream) {
  return std::make_unique<WebSocketStream>(std::move(stream));
}

}  // namespace slipway::kubelet
