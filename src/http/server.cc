#include "http/server.h"

#include <algorithm>

#include "async/event.h"
#include "base/log.h"
#include "http/connection.h"

namespace slipway::http {

using std::chrono::nanoseconds;
using Phase = Connection::Phase;

struct Server::Impl : std::enable_shared_from_this<Server::Impl> {
  Impl(Executor executor, ServerOptions limits, Handler handle)
      : options(limits), handler(std::move(handle)), group(std::move(executor)) {
    empty.set();
  }

  Task<void> serve(std::unique_ptr<net::Listener> listener, std::shared_ptr<net::TlsContext> tls, Handler handle);
  Task<void> serveConnection(std::shared_ptr<net::TlsContext> tls, net::StreamPtr stream, Handler handle);
  Task<void> sweep();
  bool makeRoom();
  nanoseconds sweepInterval() const;

  // Counts a connection from accept to its end, handshake included.
  struct Seat {
    explicit Seat(std::shared_ptr<Impl> server) : impl(std::move(server)) {
      ++impl->taken;
      impl->empty.reset();
    }
    ~Seat() {
      if (--impl->taken == 0) impl->empty.set();
    }
    std::shared_ptr<Impl> impl;
  };
  struct Listed {
    Listed(Impl& server, std::shared_ptr<Connection> connection) : impl(server), one(std::move(connection)) {
      impl.connections.insert(one);
    }
    ~Listed() { impl.connections.erase(one); }
    Impl& impl;
    std::shared_ptr<Connection> one;
  };

  ServerOptions options;
  Handler handler;
  async::TaskGroup group;
  std::unordered_set<std::shared_ptr<Connection>> connections;
  std::set<net::Listener*> listeners;
  size_t taken = 0;
  async::Event empty;
  bool sweeping = false;
  bool stopping = false;
};

Server::Server(Executor executor, ServerOptions options, Handler handler)
    : impl_(std::make_shared<Impl>(std::move(executor), options, std::move(handler))) {}

Server::~Server() {
  impl_->stopping = true;
  impl_->group.cancel();
}

size_t Server::connections() const {
  return impl_->taken;
}

Task<void> Server::serve(std::unique_ptr<net::Listener> listener, std::shared_ptr<net::TlsContext> tls) {
  return impl_->serve(std::move(listener), std::move(tls), impl_->handler);
}

Task<void> Server::serve(std::unique_ptr<net::Listener> listener, std::shared_ptr<net::TlsContext> tls,
                         Handler handler) {
  return impl_->serve(std::move(listener), std::move(tls), std::move(handler));
}

Task<void> Server::Impl::serve(std::unique_ptr<net::Listener> listener, std::shared_ptr<net::TlsContext> tls,
                               Handler handle) {
  const std::shared_ptr<Impl> self = shared_from_this();
  if (stopping) co_return;
  if (!sweeping) {
    sweeping = true;
    group.spawn("http deadlines", sweep());
  }
  struct Registered {
    std::set<net::Listener*>& all;
    net::Listener* one;
    ~Registered() { all.erase(one); }
  } const registered{listeners, listener.get()};
  listeners.insert(listener.get());
  while (!stopping) {
    auto stream = co_await listener->accept();
    if (!stream) co_return;
    if (taken >= options.max_connections && !makeRoom()) continue;
    group.spawn("http connection", serveConnection(tls, std::move(*stream), handle));
  }
}

Task<void> Server::Impl::serveConnection(std::shared_ptr<net::TlsContext> tls, net::StreamPtr stream, Handler handle) {
  const Seat seat(shared_from_this());
  if (tls) {
    auto secured = co_await tls->accept(std::move(stream));
    if (!secured) {
      log::debug("http: {}", secured.error().message);
      co_return;
    }
    stream = std::move(*secured);
  }
  const auto connection = std::make_shared<Connection>(group.executor(), std::move(stream), options);
  const Listed listed(*this, connection);
  if (stopping) connection->finishSoon();
  co_await connection->run(std::move(handle));
}

// All seats are taken: whoever has been idle for longest gives way.
bool Server::Impl::makeRoom() {
  std::shared_ptr<Connection> oldest;
  for (const auto& connection : connections) {
    if (connection->phase() != Phase::Idle) continue;
    if (!oldest || connection->deadline() < oldest->deadline()) oldest = connection;
  }
  if (!oldest) return false;
  oldest->finishSoon();
  return true;
}

nanoseconds Server::Impl::sweepInterval() const {
  const nanoseconds shortest =
      std::min({options.header_timeout, options.body_timeout, options.idle_timeout, options.write_timeout});
  return std::clamp<nanoseconds>(shortest / 4, std::chrono::milliseconds(5), std::chrono::seconds(1));
}

Task<void> Server::Impl::sweep() {
  const std::shared_ptr<Impl> self = shared_from_this();
  const nanoseconds interval = sweepInterval();
  while (true) {
    co_await async::sleepFor(interval);
    const SteadyTime now = std::chrono::steady_clock::now();
    for (const auto& connection : connections) {
      if (connection->deadline() < now) group.spawn("http time-out", connection->expire());
    }
  }
}

Task<void> Server::stop(nanoseconds grace) {
  const std::shared_ptr<Impl> impl = impl_;
  impl->stopping = true;
  for (net::Listener* listener : impl->listeners) listener->close();
  const std::vector<std::shared_ptr<Connection>> all(impl->connections.begin(), impl->connections.end());
  for (const auto& connection : all) connection->finishSoon();
  co_await impl->empty.waitFor(grace);
  co_await impl->group.stop();
}

}  // namespace slipway::http
