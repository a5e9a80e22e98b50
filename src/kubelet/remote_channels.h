#pragma once

#include <memory>
#include <optional>
#include <string>

#include "http/server.h"
#include "kubelet/backend.h"

namespace slipway::kubelet {

/// The client's end of an exec or attach: five channels on one upgraded connection, whatever frames them. One coroutine
/// receives while another sends. Destroying it closes the connection.
class RemoteChannels {
 public:
  enum class Channel : uint8_t { Stdin = 0, Stdout = 1, Stderr = 2, Error = 3, Resize = 4 };
  struct Piece {
    Channel channel = Channel::Stdin;
    std::string data;
    bool closed = false;  ///< the client closed that channel
  };
  virtual ~RemoteChannels() = default;
  /// Nothing when the client is gone.
  virtual Task<Result<std::optional<Piece>>> receive() = 0;
  virtual Task<Status> send(Channel channel, std::string data) = 0;
  /// Ends all channels with a metav1.Status on the error channel. What the client still sends may be received.
  virtual Task<void> finish(std::string status) = 0;
};

using RemoteChannelsPtr = std::unique_ptr<RemoteChannels>;

/// Upgrades the exchange to WebSocket (v5 or v4.channel.k8s.io) or SPDY/3.1 (v4.channel.k8s.io), as the client asks. A
/// refusal has been answered when this gives an error. With SPDY it waits, 30 s at most, for the client's streams.
Task<Result<RemoteChannelsPtr>> acceptRemoteChannels(http::Exchange& exchange, ExecOptions options);

/// Whether the request asks for one of the two, in a version that is spoken here: looked at before a command is started
/// for it.
Status checkUpgrade(const http::Request& request);

}  // namespace slipway::kubelet
