#include "async/deadline.h"
#include "tunnel/endpoint.h"
#include "tunnel/grpc_frame_sink.h"
#include "tunnel/guarded.h"
#include "tunnel/handshake.h"

namespace slipway::tunnel {
namespace {

/// A tunnel that lived so long was a good one: the next attempt comes soon.
constexpr auto kGoodTunnel = std::chrono::seconds(10);
constexpr auto kDialLimit = std::chrono::seconds(30);

/// One connection and its tunnel.
struct Attempt {
  Attempt(net::StreamPtr stream, Heartbeat heartbeat, const Executor& executor)
      : connection(std::move(stream), H2Session::Role::Client, heartbeat), tasks(executor) {}

  H2Connection connection;
  std::shared_ptr<TunnelCallee> callee;
  std::optional<Error> why;
  async::TaskGroup tasks;
};

}  // namespace

struct DialingEnd::Impl {
  std::shared_ptr<net::Dialer> dialer;
  std::shared_ptr<const Service> service;
  TunnelOptions options;
  Random& random;
  OnState on_state;
  std::chrono::steady_clock::time_point connected_at = {};

  Task<void> run();
  Task<Error> once();
  Task<void> serve(std::shared_ptr<Attempt> attempt);
  Task<Error> answer(std::shared_ptr<Attempt> attempt);
  Task<void> leave(std::shared_ptr<Attempt> attempt);
  void state(bool connected, const std::string& why) const {
    if (on_state) on_state(connected, why);
  }
};

Task<void> DialingEnd::Impl::run() {
  async::Backoff backoff(options.reconnect, random);
  while (true) {
    connected_at = std::chrono::steady_clock::time_point::max();
    const Error why = co_await once();
    const auto now = std::chrono::steady_clock::now();
    if (connected_at <= now - kGoodTunnel) backoff.reset();
    state(false, why.message);
    co_await async::sleepFor(backoff.next());
  }
}

Task<Error> DialingEnd::Impl::once() {
  const Executor executor = co_await async::thisExecutor();
  const std::string what = fmt::format("dialling {}", dialer->target());
  Result<net::StreamPtr> dialled = co_await async::withDeadline<net::StreamPtr>(dialer->dial(), kDialLimit, what);
  if (!dialled) co_return dialled.error();
  const auto attempt = std::make_shared<Attempt>(std::move(*dialled), heartbeatOf(options), executor);
  co_await guarded(serve(attempt), leave(attempt));
  const Error why = attempt->why.value_or(attempt->connection.why());
  co_return why.wrap(fmt::format("tunnel to {}", dialer->target()));
}

Task<void> DialingEnd::Impl::serve(std::shared_ptr<Attempt> attempt) {
  attempt->tasks.spawn("tunnel connection", attempt->connection.run());
  attempt->why = co_await answer(attempt);
}

Task<Error> DialingEnd::Impl::answer(std::shared_ptr<Attempt> attempt) {
  const Executor executor = co_await async::thisExecutor();
  Metadata metadata = {{std::string(kNegotiate), {"on"}}};
  for (const auto& [name, value] : options.metadata) metadata[name] = {value};
  const std::string authority = options.authority.empty() ? "slipway" : options.authority;
  const auto stream = attempt->connection.call(kOpenReverseTunnel, authority, metadata);
  if (!stream) co_return stream.error();
  const auto agreement =
      co_await async::withDeadline<Agreement>(agreeAsCallee(*stream), options.handshake_timeout, "handshake");
  if (!agreement) co_return agreement.error();
  const auto sink = std::make_shared<GrpcFrameSink>(*stream, &encodeFromCallee);
  attempt->callee = std::make_shared<TunnelCallee>(executor, sink, service, callLimits(options), agreement->revision);
  connected_at = std::chrono::steady_clock::now();
  state(true, "");
  co_return co_await pumpToCallee(*stream, sink, attempt->callee);
}

Task<void> DialingEnd::Impl::leave(std::shared_ptr<Attempt> attempt) {
  if (attempt->callee) co_await attempt->callee->stop();
  co_await attempt->connection.close();
  co_await attempt->tasks.stop();
}

DialingEnd::DialingEnd(std::shared_ptr<net::Dialer> dialer, std::shared_ptr<const Service> service,
                       TunnelOptions options, Random& random, OnState on_state)
    : impl_(new Impl{std::move(dialer), std::move(service), std::move(options), random, std::move(on_state)}) {}

DialingEnd::~DialingEnd() = default;

Task<void> DialingEnd::run() {
  return impl_->run();
}

}  // namespace slipway::tunnel
