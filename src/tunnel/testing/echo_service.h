#pragma once

#include "async/event.h"
#include "tunnel/rpc.h"

namespace slipway::tunnel::testing {

/// A service of small methods that exercise calls.
///
/// /test/Echo sends every message back; /test/Refuse ends with the code and text of its request ("NotFound:who");
/// /test/Source sends messages of 16 KiB for ever; /test/Hang reads nothing and waits for ever.
struct EchoService {
  std::shared_ptr<Service> service;
  int running = 0;      ///< handlers at work
  int cancelled = 0;    ///< handlers that were unwound
  size_t produced = 0;  ///< messages that /test/Source sent
  async::Event changed;

  EchoService();
  EchoService(const EchoService&) = delete;

  /// Waits until so many handlers have been unwound.
  Task<void> unwound(int count);
};

}  // namespace slipway::tunnel::testing
