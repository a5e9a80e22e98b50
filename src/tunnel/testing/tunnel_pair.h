#pragma once

#include "async/task_group.h"
#include "tunnel/endpoint.h"
#include "tunnel/testing/memory_network.h"

namespace slipway::tunnel::testing {

/// Both ends of a tunnel in this process, over a MemoryNetwork. Life cycle: start(), then channel(); `co_await stop()`.
class TunnelPair {
 public:
  TunnelPair(Executor executor, std::shared_ptr<const Service> service, TunnelOptions dialling = {},
             TunnelOptions accepting = {});

  void start();
  /// Waits for a tunnel to be open and gives its channel.
  Task<std::shared_ptr<Channel>> channel();
  /// Waits until the accepting side has no tunnel.
  Task<void> gone();
  Task<void> stop();

  MemoryNetwork network;
  std::vector<std::string> states;  ///< "connected", or why not, as they came
  int opened = 0;                   ///< tunnels that the accepting side saw
  OpenTunnel last;                  ///< the newest of them

 private:
  Task<void> use(OpenTunnel tunnel);

  SystemRandom random_;
  AcceptingEnd accepting_;
  DialingEnd dialling_;
  async::TaskGroup group_;
  std::shared_ptr<Channel> channel_;
  async::Event changed_;
};

/// Options with short times, for tests.
TunnelOptions quickOptions();

}  // namespace slipway::tunnel::testing
