#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/clock.h"
#include "http/inbound.h"
#include "http/parser.h"
#include "http/server.h"

namespace slipway::http {

/// One connection of a server: its requests one after the other, until either side has enough.
///
/// Runs as one coroutine, run(). Deadlines are looked at from outside: the server's sweep calls expire() when
/// deadline() is past, which answers 408 or closes, so that the coroutine's reads and writes fail.
class Connection : public std::enable_shared_from_this<Connection> {
 public:
  enum class Phase {
    Idle,       ///< waits for a request; may be closed any time
    Head,       ///< a request has begun
    Body,       ///< its body is coming
    Handling,   ///< the handler works: no deadline
    Writing,    ///< bytes go out
    Lingering,  ///< an early answer was sent; what still comes is thrown away
    Gone,       ///< ended, or handed over by an upgrade
  };

  Connection(Executor executor, net::StreamPtr stream, const ServerOptions& options);

  Task<void> run(Handler handler);

  Phase phase() const { return phase_; }
  SteadyTime deadline() const { return deadline_; }
  /// The deadline is past: ends the connection, with a 408 if a request had begun.
  Task<void> expire();
  /// Closes at once when idle; otherwise after the answer that is being made.
  void finishSoon();
  void close();

 private:
  friend class ConnectionExchange;

  Task<bool> readRequest();
  Task<bool> readHead();
  Task<bool> readBody();
  Task<void> refuse(int status, std::string message);
  Task<Status> send(std::string_view bytes);
  void enter(Phase phase, std::chrono::nanoseconds limit);
  void enter(Phase phase);

  Executor executor_;
  ServerOptions options_;
  net::Peer peer_;
  Inbound inbound_;
  MessageParser parser_;
  std::string out_;
  Phase phase_ = Phase::Idle;
  SteadyTime deadline_ = SteadyTime::max();
  bool expired_ = false;
  bool closing_ = false;
};

}  // namespace slipway::http
