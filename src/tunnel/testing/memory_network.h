#pragma once

#include <memory>

#include "net/stream.h"

namespace slipway::tunnel::testing {

/// A network of one place inside this process: dial() makes a connection that accept() gives. On one loop.
class MemoryNetwork {
 public:
  explicit MemoryNetwork(Executor executor);

  std::shared_ptr<net::Dialer> dialer();
  std::unique_ptr<net::Listener> listener();

  /// The next so many dials fail with ServiceUnavailable.
  void failDials(int count);
  int dials() const;
  /// Breaks every connection that is open.
  void cut();
  /// From now on bytes vanish on the way, both ways, and nobody is told: a half-open connection.
  void swallow(bool on);

  struct State;

 private:
  std::shared_ptr<State> state_;
};

}  // namespace slipway::tunnel::testing
