#pragma once

#include <boost/asio/generic/stream_protocol.hpp>

#include "net/stream.h"

namespace slipway::net {

using StreamSocket = asio::generic::stream_protocol::socket;

/// A connected socket as a stream; `peer_address` for messages.
StreamPtr makeSocketStream(StreamSocket socket, std::string peer_address);

/// Keepalive (a dead peer is noticed after about 30 s), no Nagle. For TCP only.
void tuneTcp(int fd);

/// True when accept() may work again soon: the peer gave up, or descriptors ran out for now.
bool isPassingAcceptError(const boost::system::error_code& error);

}  // namespace slipway::net
