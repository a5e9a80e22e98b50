#include "net/socket_stream.h"

#include <netinet/tcp.h>
#include <sys/socket.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace slipway::net {
namespace {

class SocketStream final : public ByteStream {
 public:
  SocketStream(StreamSocket socket, std::string address) : socket_(std::move(socket)) {
    peer_.address = std::move(address);
    boost::system::error_code ignored;
    socket_.non_blocking(true, ignored);
  }

  Task<Result<size_t>> readSome(std::span<char> buffer) override {
    const auto [error, count] = co_await socket_.async_read_some(asio::buffer(buffer.data(), buffer.size()),
                                                                 asio::as_tuple(asio::use_awaitable));
    if (!error) co_return count;
    co_await async::throwIfCancelled();
    if (error == asio::error::eof) co_return size_t{0};
    co_return lost("reading", error);
  }

  Task<Status> write(std::string_view bytes) override {
    while (!bytes.empty()) {
      // Most writes fit into the socket's buffer: no trip through the loop for them.
      boost::system::error_code error;
      size_t count = socket_.write_some(asio::buffer(bytes), error);
      if (error == asio::error::would_block) {
        const auto [waited, written] =
            co_await socket_.async_write_some(asio::buffer(bytes), asio::as_tuple(asio::use_awaitable));
        error = waited;
        count = written;
      }
      if (error) {
        co_await async::throwIfCancelled();
        co_return lost("writing", error);
      }
      bytes.remove_prefix(count);
    }
    co_return Status();
  }

  Task<Status> shutdownWrite() override {
    boost::system::error_code error;
    socket_.shutdown(asio::socket_base::shutdown_send, error);
    if (error) co_return lost("closing", error);
    co_return Status();
  }

  void close() override {
    boost::system::error_code ignored;
    socket_.close(ignored);
  }

  const Peer& peer() const override { return peer_; }

 private:
  tl::unexpected<Error> lost(std::string_view doing, const boost::system::error_code& error) const {
    if (error == asio::error::operation_aborted || error == asio::error::bad_descriptor) {
      return failure(Code::ServiceUnavailable, "{}: connection closed here while {}", peer_.address, doing);
    }
    return failure(Code::ServiceUnavailable, "{}: connection lost while {}: {}", peer_.address, doing, error.message());
  }

  StreamSocket socket_;
  Peer peer_;
};

void setOption(int fd, int level, int option, int value) {
  setsockopt(fd, level, option, &value, sizeof(value));
}

}  // namespace

StreamPtr makeSocketStream(StreamSocket socket, std::string peer_address) {
  return std::make_unique<SocketStream>(std::move(socket), std::move(peer_address));
}

void tuneTcp(int fd) {
  setOption(fd, IPPROTO_TCP, TCP_NODELAY, 1);
  setOption(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
  setOption(fd, IPPROTO_TCP, TCP_KEEPIDLE, 15);
  setOption(fd, IPPROTO_TCP, TCP_KEEPINTVL, 5);
  setOption(fd, IPPROTO_TCP, TCP_KEEPCNT, 3);
  // Without it, data that nobody acknowledges is sent again for a quarter of an hour.
  setOption(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, 30000);
}

bool isPassingAcceptError(const boost::system::error_code& error) {
  return error == asio::error::connection_aborted || error == asio::error::no_descriptors ||
         error == asio::error::no_buffer_space || error == asio::error::no_memory || error.value() == ENFILE ||
         error.value() == EPROTO;
}

}  // namespace slipway::net
