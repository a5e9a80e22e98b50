#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "async/backoff.h"
#include "async/task_group.h"
#include "net/stream.h"
#include "net/tls.h"
#include "tunnel/rpc.h"

namespace slipway::tunnel {

struct TunnelOptions {
  /// HTTP/2 PING when nothing came for this long; without an answer within ping_timeout the tunnel is dead. Both sides
  /// do it, so that a half-open connection is noticed within 30 s.
  std::chrono::nanoseconds ping_interval = std::chrono::seconds(10);
  std::chrono::nanoseconds ping_timeout = std::chrono::seconds(10);
  async::BackoffPolicy reconnect;               ///< dialling end only
  std::map<std::string, std::string> metadata;  ///< sent with OpenReverseTunnel (dialling end)
  std::string authority;                        ///< :authority header; the SNI host (dialling end)
  size_t max_message = 64 << 20;                ///< bytes of one message of a call, either way
  size_t max_calls = 4096;                      ///< open at once in one tunnel
  /// For each step of the way to an open tunnel; an accepted connection without a tunnel lives no longer than this.
  std::chrono::nanoseconds handshake_timeout = std::chrono::seconds(10);
};

/// The end that dials and answers calls: the agent towards the controller, the supervisor towards the hub.
///
/// run() keeps one tunnel open for ever: whatever breaks it, it dials again after a back-off that a tunnel of 10 s or
/// more resets. Cancelling run() closes the tunnel cleanly; handlers in progress are cancelled and joined.
class DialingEnd {
 public:
  /// Called on each change, for logs and /readyz: connected, or why not. A grpc-go peer that is not ours gives up on
  /// clients that ping more often than every 5 minutes: set ping_interval to 0 for such, and rely on its own pings.
  using OnState = std::function<void(bool connected, const std::string& why)>;
  DialingEnd(std::shared_ptr<net::Dialer> dialer, std::shared_ptr<const Service> service, TunnelOptions options,
             Random& random, OnState on_state = nullptr);
  ~DialingEnd();
  Task<void> run();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// A tunnel that somebody dialled to us.
struct OpenTunnel {
  net::Peer peer;  ///< its certificate tells who it is
  std::map<std::string, std::string> metadata;
  std::shared_ptr<Channel> channel;  ///< calls fail with ServiceUnavailable once the tunnel broke
};

/// The end that is dialled and makes calls: the controller, and the agent's hub.
///
/// `on_open` runs for the life of each tunnel: it is cancelled when the tunnel breaks, and its return closes the
/// tunnel.
class AcceptingEnd {
 public:
  using OnOpen = std::function<Task<void>(OpenTunnel)>;
  AcceptingEnd(Executor executor, TunnelOptions options, OnOpen on_open);
  ~AcceptingEnd();

  /// Serves until cancelled or stop(). `tls` may be null (unix sockets, tests).
  Task<void> serve(std::unique_ptr<net::Listener> listener, std::shared_ptr<net::TlsContext> tls);
  Task<void> stop();
  size_t tunnels() const;

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace slipway::tunnel
