#pragma once

#include <optional>

#include "apiserver/api/call.h"
#include "apiserver/streams/proxy_links.h"
#include "http/client.h"

namespace slipway::apiserver {

/// Passes one request on to another HTTP server and its answer back as it comes, until either side ends. An upgraded
/// connection (WebSocket, SPDY) is copied byte by byte both ways.
/// `target` is path and query there. With `links`, those of the answer (Location, pages) lead through us again.
/// `checked`: a refusal goes to the client as a Status. Errors: what the client is to be told when there is no answer.
Task<Answer<Reply>> relay(Call* call, std::unique_ptr<http::Client> client, std::string target, std::string where,
                          std::optional<ProxyLinks> links = std::nullopt, bool checked = false);

/// Passes on what `target` answers to a GET as messages of a WebSocket, with the protocols binary.k8s.io (or none) and
/// base64.binary.k8s.io.
Task<Answer<Reply>> relayToWebSocket(Call* call, std::unique_ptr<http::Client> client, std::string target,
                                     std::string where);

/// What the client is told when `where` did not answer.
StatusError unreachable(const std::string& where, const Error& error);

/// How long an answer may take to begin.
inline constexpr std::chrono::seconds kAnswerWithin{30};

}  // namespace slipway::apiserver
