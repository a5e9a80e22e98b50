#include "tunnel/testing/tunnel_pair.h"

namespace slipway::tunnel::testing {

TunnelOptions quickOptions() {
  TunnelOptions options;
  options.reconnect = {.initial = std::chrono::milliseconds(1), .max = std::chrono::milliseconds(4)};
  return options;
}

TunnelPair::TunnelPair(Executor executor, std::shared_ptr<const Service> service, TunnelOptions dialling,
                       TunnelOptions accepting)
    : network(executor),
      accepting_(executor, std::move(accepting), [this](OpenTunnel tunnel) { return use(std::move(tunnel)); }),
      dialling_(network.dialer(), std::move(service), std::move(dialling), random_,
                [this](bool connected, const std::string& why) {
                  states.push_back(connected ? "connected" : why);
                  changed_.pulse();
                }),
      group_(executor) {}

void TunnelPair::start() {
  group_.spawn("accepting end", accepting_.serve(network.listener(), nullptr));
  group_.spawn("dialling end", dialling_.run());
}

Task<std::shared_ptr<Channel>> TunnelPair::channel() {
  while (!channel_) co_await changed_.wait();
  co_return channel_;
}

Task<void> TunnelPair::gone() {
  while (channel_) co_await changed_.wait();
}

Task<void> TunnelPair::stop() {
  co_await group_.stop();
}

Task<void> TunnelPair::use(OpenTunnel tunnel) {
  ++opened;
  channel_ = tunnel.channel;
  last = std::move(tunnel);
  changed_.pulse();
  struct Leave {
    TunnelPair& pair;
    ~Leave() {
      pair.channel_ = nullptr;
      pair.last.channel = nullptr;
      pair.changed_.pulse();
    }
  } const leave{*this};
  async::Event never;
  co_await never.wait();
}

}  // namespace slipway::tunnel::testing
