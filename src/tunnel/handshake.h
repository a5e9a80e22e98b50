#pragma once

#include "tunnel/endpoint.h"
#include "tunnel/grpc_stream.h"
#include "tunnel/h2_connection.h"
#include "tunnel/tunnel_callee.h"
#include "tunnel/tunnel_caller.h"

namespace slipway::tunnel {

inline constexpr std::string_view kOpenReverseTunnel = "/grpctunnel.v1.TunnelService/OpenReverseTunnel";

/// What both ends agreed on.
struct Agreement {
  int revision = 0;
  uint32_t peer_window = 0;  ///< of the answering side
};

inline CallLimits callLimits(const TunnelOptions& options) {
  return {.max_message = options.max_message, .max_calls = options.max_calls};
}
inline Heartbeat heartbeatOf(const TunnelOptions& options) {
  return {options.ping_interval, options.ping_timeout};
}

/// Whether headers say that the other side negotiates; without that it is a peer of revision zero.
bool negotiates(const Metadata& headers);
/// Dialling end: waits for response headers and sends Settings when they ask for it.
Task<Result<Agreement>> agreeAsCallee(std::shared_ptr<GrpcStream> stream);
/// Accepting end: answers the request headers, and reads the Settings of a peer that negotiates.
Task<Result<Agreement>> agreeAsCaller(std::shared_ptr<GrpcStream> stream);

/// Feeds what arrives to one end of the calls, until the tunnel is over; the value says why.
Task<Error> pumpToCallee(std::shared_ptr<GrpcStream> stream, std::shared_ptr<FrameSink> sink,
                         std::shared_ptr<TunnelCallee> callee);
Task<Error> pumpToCaller(std::shared_ptr<GrpcStream> stream, std::shared_ptr<FrameSink> sink,
                         std::shared_ptr<TunnelCaller> caller);

}  // namespace slipway::tunnel
