#include "async/deadline.h"
#include "base/log.h"
#include "tunnel/endpoint.h"
#include "tunnel/grpc_frame_sink.h"
#include "tunnel/guarded.h"
#include "tunnel/handshake.h"

namespace slipway::tunnel {
namespace {

/// TLS handshakes at once; more connections are turned away.
constexpr size_t kMaxUnfinished = 256;
constexpr auto kAfterAcceptError = std::chrono::milliseconds(100);

/// A connection on the way, and the tunnels in it.
struct Connection {
  Connection(net::StreamPtr stream, Heartbeat heartbeat, const Executor& executor)
      : http(std::move(stream), H2Session::Role::Server, heartbeat,
             [this](std::shared_ptr<GrpcStream> call) { arrived.push_back(std::move(call)), changed.set(); }),
        runner(executor),
        tunnels(executor) {}

  H2Connection http;
  std::deque<std::shared_ptr<GrpcStream>> arrived;
  async::Event changed;
  size_t calls = 0;  ///< being served
  bool over = false;
  async::TaskGroup runner;
  async::TaskGroup tunnels;
};

/// One tunnel of a connection.
struct Tunnel {
  Tunnel(std::shared_ptr<GrpcStream> call, net::Peer who, const Executor& executor)
      : stream(std::move(call)), peer(std::move(who)), tasks(executor) {}

  std::shared_ptr<GrpcStream> stream;
  net::Peer peer;
  std::shared_ptr<TunnelCaller> caller;
  std::optional<Error> broken;  ///< by the other side; not when ours left
  async::Event over;
  async::TaskGroup tasks;
};

std::map<std::string, std::string> flatten(const Metadata& metadata) {
  std::map<std::string, std::string> flat;
  for (const auto& [name, values] : metadata) flat[name] = fmt::format("{}", fmt::join(values, ", "));
  return flat;
}

}  // namespace

struct AcceptingEnd::Impl : std::enable_shared_from_this<AcceptingEnd::Impl> {
  Impl(Executor on, TunnelOptions with, OnOpen then)
      : executor(std::move(on)), options(std::move(with)), on_open(std::move(then)) {
    idle.set();
  }

  Executor executor;
  TunnelOptions options;
  OnOpen on_open;
  size_t tunnels = 0;
  size_t unfinished = 0;
  size_t serving = 0;
  bool stopped = false;
  async::Event stop;
  async::Event idle;  ///< nobody serves

  struct Serving;
  Task<void> acceptAll(std::shared_ptr<Serving> serving);
  Task<void> acceptLoop(std::shared_ptr<Serving> serving);
  Task<void> stopServing(std::shared_ptr<Serving> serving);
  Task<void> welcome(net::StreamPtr stream, std::shared_ptr<net::TlsContext> tls);
  Task<Result<net::StreamPtr>> secure(net::StreamPtr stream, std::shared_ptr<net::TlsContext> tls);
  Task<void> watch(std::shared_ptr<Connection> connection);
  Task<void> runConnection(std::shared_ptr<Connection> connection);
  Task<void> closeConnection(std::shared_ptr<Connection> connection);
  Task<void> serveCall(std::shared_ptr<Connection> connection, std::shared_ptr<GrpcStream> stream);
  Task<void> serveTunnel(std::shared_ptr<Tunnel> tunnel);
  Task<void> pump(std::shared_ptr<Tunnel> tunnel, std::shared_ptr<FrameSink> sink);
  Task<void> use(std::shared_ptr<Tunnel> tunnel);
  Task<void> closeTunnel(std::shared_ptr<Tunnel> tunnel);
};

struct AcceptingEnd::Impl::Serving {
  Serving(std::unique_ptr<net::Listener> on, std::shared_ptr<net::TlsContext> with, const Executor& executor)
      : listener(std::move(on)), tls(std::move(with)), acceptor(executor), connections(executor) {}

  std::unique_ptr<net::Listener> listener;
  std::shared_ptr<net::TlsContext> tls;
  async::TaskGroup acceptor;
  async::TaskGroup connections;
};

Task<void> AcceptingEnd::Impl::acceptAll(std::shared_ptr<Serving> serving) {
  serving->acceptor.spawn("tunnel accept", acceptLoop(serving));
  co_await stop.wait();
}

Task<void> AcceptingEnd::Impl::acceptLoop(std::shared_ptr<Serving> serving) {
  while (!stopped) {
    Result<net::StreamPtr> stream = co_await serving->listener->accept();
    if (!stream) {
      // Too many open files and the like pass; a closed listener means that serving is over.
      log::debug("tunnel: accepting: {}", stream.error().message);
      co_await async::sleepFor(kAfterAcceptError);
    } else if (unfinished >= kMaxUnfinished) {
      log::warn("tunnel: {} turned away: {} TLS handshakes are under way", (*stream)->peer().address, unfinished);
    } else {
      serving->connections.spawn("tunnel connection", welcome(std::move(*stream), serving->tls));
    }
  }
}

Task<void> AcceptingEnd::Impl::stopServing(std::shared_ptr<Serving> serving) {
  serving->listener->close();
  co_await serving->acceptor.stop();
  co_await serving->connections.stop();
}

Task<void> AcceptingEnd::Impl::welcome(net::StreamPtr stream, std::shared_ptr<net::TlsContext> tls) {
  const std::string address = stream->peer().address;
  Result<net::StreamPtr> secured = co_await secure(std::move(stream), std::move(tls));
  if (!secured) {
    log::info("tunnel: {}: {}", address, secured.error().message);
    co_return;
  }
  const auto connection = std::make_shared<Connection>(std::move(*secured), heartbeatOf(options), executor);
  co_await guarded(watch(connection), closeConnection(connection));
  log::debug("tunnel: {}: {}", address, connection->http.why().message);
}

Task<Result<net::StreamPtr>> AcceptingEnd::Impl::secure(net::StreamPtr stream, std::shared_ptr<net::TlsContext> tls) {
  if (!tls) co_return std::move(stream);
  struct Counted {
    size_t& count;
    explicit Counted(size_t& counter) : count(counter) { ++count; }
    ~Counted() { --count; }
  } const counted(unfinished);
  Task<Result<net::StreamPtr>> handshake = tls->accept(std::move(stream));
  co_return co_await async::withDeadline<net::StreamPtr>(std::move(handshake), options.handshake_timeout,
                                                         "TLS handshake");
}

Task<void> AcceptingEnd::Impl::watch(std::shared_ptr<Connection> connection) {
  connection->runner.spawn("tunnel HTTP/2", runConnection(connection));
  while (!connection->over) {
    connection->changed.reset();
    while (!connection->arrived.empty()) {
      std::shared_ptr<GrpcStream> call = std::move(connection->arrived.front());
      connection->arrived.pop_front();
      ++connection->calls;
      connection->tunnels.spawn("tunnel", serveCall(connection, std::move(call)));
    }
    if (connection->calls > 0) {
      co_await connection->changed.wait();
      continue;
    }
    const bool called = co_await connection->changed.waitFor(options.handshake_timeout);
    if (!called) co_return;
  }
}

Task<void> AcceptingEnd::Impl::runConnection(std::shared_ptr<Connection> connection) {
  co_await connection->http.run();
  connection->over = true;
  connection->changed.set();
}

Task<void> AcceptingEnd::Impl::closeConnection(std::shared_ptr<Connection> connection) {
  co_await connection->tunnels.stop();
  co_await connection->http.close();
  co_await connection->runner.stop();
}

Task<void> AcceptingEnd::Impl::serveCall(std::shared_ptr<Connection> connection, std::shared_ptr<GrpcStream> stream) {
  struct Leave {
    Connection& connection;
    ~Leave() {
      --connection.calls;
      connection.changed.set();
    }
  } const leave{*connection};
  const std::string_view path = headerValue(stream->requestHeaders(), ":path");
  const std::string_view type = headerValue(stream->requestHeaders(), "content-type");
  if (path != kOpenReverseTunnel || !type.starts_with("application/grpc")) {
    stream->finish(GrpcCode::Unimplemented, "only reverse tunnels are served here");
    co_return;
  }
  const auto tunnel = std::make_shared<Tunnel>(std::move(stream), connection->http.peer(), executor);
  co_await guarded(serveTunnel(tunnel), closeTunnel(tunnel));
}

Task<void> AcceptingEnd::Impl::serveTunnel(std::shared_ptr<Tunnel> tunnel) {
  const auto agreement =
      co_await async::withDeadline<Agreement>(agreeAsCaller(tunnel->stream), options.handshake_timeout, "handshake");
  if (!agreement) {
    log::info("tunnel: {}: {}", tunnel->peer.address, agreement.error().message);
    tunnel->broken = agreement.error();
    co_return;
  }
  const auto sink = std::make_shared<GrpcFrameSink>(tunnel->stream, &encodeFromCaller);
  tunnel->caller =
      std::make_shared<TunnelCaller>(sink, callLimits(options), agreement->revision, agreement->peer_window);
  ++tunnels;
  tunnel->tasks.spawn("tunnel answers", pump(tunnel, sink));
  tunnel->tasks.spawn("tunnel use", use(tunnel));
  co_await tunnel->over.wait();
}

Task<void> AcceptingEnd::Impl::pump(std::shared_ptr<Tunnel> tunnel, std::shared_ptr<FrameSink> sink) {
  tunnel->broken = co_await pumpToCaller(tunnel->stream, sink, tunnel->caller);
  tunnel->over.set();
}

Task<void> AcceptingEnd::Impl::use(std::shared_ptr<Tunnel> tunnel) {
  struct Over {
    Tunnel& tunnel;
    ~Over() { tunnel.over.set(); }
  } const over{*tunnel};
  OpenTunnel open{tunnel->peer, flatten(grpcMetadata(tunnel->stream->requestHeaders())), tunnel->caller};
  co_await on_open(std::move(open));
}

Task<void> AcceptingEnd::Impl::closeTunnel(std::shared_ptr<Tunnel> tunnel) {
  const Error gone{Code::ServiceUnavailable, "the tunnel was closed on this side"};
  const Error why = tunnel->broken.value_or(gone);
  if (tunnel->caller) {
    --tunnels;
    tunnel->caller->fail({Code::ServiceUnavailable, why.message});
  }
  co_await tunnel->tasks.stop();
  const bool fault = tunnel->broken && !tunnel->broken->is(Code::ServiceUnavailable);
  tunnel->stream->finish(fault ? grpcCodeOf(why.code) : GrpcCode::Ok, fault ? why.message : "");
}

AcceptingEnd::AcceptingEnd(Executor executor, TunnelOptions options, OnOpen on_open)
    : impl_(std::make_shared<Impl>(std::move(executor), std::move(options), std::move(on_open))) {}

AcceptingEnd::~AcceptingEnd() = default;

Task<void> AcceptingEnd::serve(std::unique_ptr<net::Listener> listener, std::shared_ptr<net::TlsContext> tls) {
  const auto impl = impl_;
  const auto serving = std::make_shared<Impl::Serving>(std::move(listener), std::move(tls), impl->executor);
  struct Counted {
    Impl& impl;
    explicit Counted(Impl& of) : impl(of) { ++impl.serving, impl.idle.reset(); }
    ~Counted() {
      if (--impl.serving == 0) impl.idle.set();
    }
  } const counted(*impl);
  co_await guarded(impl->acceptAll(serving), impl->stopServing(serving));
}

Task<void> AcceptingEnd::stop() {
  const auto impl = impl_;
  impl->stopped = true;
  impl->stop.set();
  co_await impl->idle.wait();
}

size_t AcceptingEnd::tunnels() const {
  return impl_->tunnels;
}

}  // namespace slipway::tunnel
