#include "net/tcp.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "async/deadline.h"
#include "net/socket_stream.h"

namespace slipway::net {
namespace {

using asio::ip::tcp;
using Unix = asio::local::stream_protocol;
constexpr auto kDialLimit = std::chrono::seconds(10);

std::string textOf(const tcp::endpoint& endpoint) {
  return HostPort{endpoint.address().to_string(), endpoint.port()}.str();
}

StreamPtr streamOf(tcp::socket socket) {
  boost::system::error_code error;
  const tcp::endpoint remote = socket.remote_endpoint(error);
  tuneTcp(socket.native_handle());
  return makeSocketStream(StreamSocket(std::move(socket)), error ? "a peer that left" : textOf(remote));
}

// getaddrinfo cannot be interrupted: who waits for it may go, the answer then finds nobody.
struct Lookup {
  explicit Lookup(const Executor& executor) : resolver(executor) {}
  tcp::resolver resolver;
  boost::system::error_code error;
  std::vector<tcp::endpoint> endpoints;
  async::Event done;
};

Task<Result<std::vector<tcp::endpoint>>> resolve(HostPort where) {
  boost::system::error_code not_ip;
  const auto address = asio::ip::make_address(where.host, not_ip);
  if (!not_ip) co_return std::vector{tcp::endpoint(address, where.port)};

  const Executor executor = co_await async::thisExecutor();
  const auto lookup = std::make_shared<Lookup>(executor);
  lookup->resolver.async_resolve(where.host, std::to_string(where.port), tcp::resolver::numeric_service,
                                 [lookup](const boost::system::error_code& error, const auto& results) {
                                   lookup->error = error;
                                   for (const auto& entry : results) lookup->endpoints.push_back(entry.endpoint());
                                   lookup->done.set();
                                 });
  co_await lookup->done.wait();
  if (lookup->error) {
    co_return failure(Code::ServiceUnavailable, "looking up host {}: {}", where.host, lookup->error.message());
  }
  co_return std::move(lookup->endpoints);
}

Task<Result<StreamPtr>> connectTo(tcp::endpoint endpoint) {
  const Executor executor = co_await async::thisExecutor();
  tcp::socket socket(executor);
  const auto [error] = co_await socket.async_connect(endpoint, asio::as_tuple(asio::use_awaitable));
  co_await async::throwIfCancelled();
  if (error) co_return failure(Code::ServiceUnavailable, "connecting to {}: {}", textOf(endpoint), error.message());
  co_return streamOf(std::move(socket));
}

Task<Result<StreamPtr>> connectToAny(HostPort where) {
  CO_TRY(const std::vector<tcp::endpoint> endpoints, co_await resolve(where));
  Error last{Code::ServiceUnavailable, fmt::format("host {} has no address", where.host)};
  for (size_t i = 0; i < endpoints.size(); ++i) {
    // A dead first address must leave time for the others.
    const auto share = kDialLimit / (endpoints.size() - i + (i + 1 < endpoints.size() ? 1 : 0));
    auto stream = co_await async::withDeadline(connectTo(endpoints[i]), share,
                                               fmt::format("connecting to {}", textOf(endpoints[i])));
    if (stream) co_return std::move(*stream);
    last = std::move(stream).error();
  }
  co_return failure(Code::ServiceUnavailable, std::move(last.message));
}

template <typename Protocol>
class SocketListener final : public Listener {
 public:
  SocketListener(typename Protocol::acceptor acceptor, std::string path)
      : acceptor_(std::move(acceptor)), path_(std::move(path)) {}
  ~SocketListener() override { close(); }

  Task<Result<StreamPtr>> accept() override {
    while (true) {
      auto [error, socket] = co_await acceptor_.async_accept(asio::as_tuple(asio::use_awaitable));
      if (!error) co_return wrap(std::move(socket));
      co_await async::throwIfCancelled();
      if (!isPassingAcceptError(error)) {
        co_return failure(Code::ServiceUnavailable, "listener closed: {}", error.message());
      }
      co_await async::sleepFor(std::chrono::milliseconds(50));
    }
  }

  uint16_t port() const override {
    if constexpr (std::is_same_v<Protocol, tcp>) {
      boost::system::error_code ignored;
      return acceptor_.local_endpoint(ignored).port();
    } else {
      return 0;
    }
  }

  void close() override {
    boost::system::error_code ignored;
    acceptor_.close(ignored);
    if (!path_.empty()) std::filesystem::remove(path_, ignored);
    path_.clear();
  }

 private:
  static StreamPtr wrap(typename Protocol::socket socket) {
    if constexpr (std::is_same_v<Protocol, tcp>) {
      return streamOf(std::move(socket));
    } else {
      return makeSocketStream(StreamSocket(std::move(socket)), "unix socket");
    }
  }

  typename Protocol::acceptor acceptor_;
  std::string path_;
};

template <typename Protocol>
Result<std::unique_ptr<Listener>> listenOn(Executor executor, const typename Protocol::endpoint& endpoint,
                                           const std::string& name, const std::string& path) {
  typename Protocol::acceptor acceptor(executor);
  boost::system::error_code error;
  acceptor.open(endpoint.protocol(), error);
  if (!error) acceptor.set_option(asio::socket_base::reuse_address(true), error);
  if (!error) acceptor.bind(endpoint, error);
  if (!error) acceptor.listen(asio::socket_base::max_listen_connections, error);
  if (error) {
    const Code code = error == asio::error::address_in_use ? Code::AlreadyExists : Code::ServiceUnavailable;
    return failure(code, "listening on {}: {}", name, error.message());
  }
  return std::make_unique<SocketListener<Protocol>>(std::move(acceptor), path);
}

}  // namespace

Task<Result<StreamPtr>> dialTcp(HostPort where) {
  auto stream = co_await async::withDeadline(connectToAny(where), kDialLimit, "connecting to " + where.str());
  co_return std::move(stream);
}

Task<Result<StreamPtr>> dialUnix(std::string path) {
  if (path.size() > 107) co_return failure(Code::BadRequest, "unix socket {}: the path is over 107 bytes", path);
  const Executor executor = co_await async::thisExecutor();
  Unix::socket socket(executor);
  const Unix::endpoint endpoint(path);
  const auto [error] = co_await socket.async_connect(endpoint, asio::as_tuple(asio::use_awaitable));
  co_await async::throwIfCancelled();
  if (error) co_return failure(Code::ServiceUnavailable, "connecting to unix socket {}: {}", path, error.message());
  co_return makeSocketStream(StreamSocket(std::move(socket)), path);
}

Result<std::unique_ptr<Listener>> listenTcp(Executor executor, const std::string& address, uint16_t port) {
  boost::system::error_code error;
  const auto ip = asio::ip::make_address(address.empty() ? "0.0.0.0" : address, error);
  if (error) return failure(Code::BadRequest, "listening on \"{}\": not an IP address", address);
  return listenOn<tcp>(std::move(executor), tcp::endpoint(ip, port), HostPort{ip.to_string(), port}.str(), "");
}

Result<std::unique_ptr<Listener>> listenUnix(Executor executor, const std::string& path) {
  if (path.size() > 107) return failure(Code::BadRequest, "unix socket {}: the path is over 107 bytes", path);
  return listenOn<Unix>(std::move(executor), Unix::endpoint(path), "unix socket " + path, path);
}

}  // namespace slipway::net
