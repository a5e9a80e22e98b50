#pragma once

#include "apiserver/api/call.h"
#include "http/client.h"

namespace slipway::apiserver {

/// Passes one request on to another HTTP server and its answer back as it comes, until either side ends. An upgraded
/// connection (WebSocket, SPDY) is copied byte by byte both ways.
/// `target` is path and query there. Errors: what the client is to be told when there is no answer.
Task<Answer<Reply>> relay(Call* call, std::unique_ptr<http::Client> client, std::string target, std::string where);

}  // namespace slipway::apiserver
