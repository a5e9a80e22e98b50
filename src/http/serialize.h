#pragma once

#include <optional>
#include <string>

#include "http/message.h"

namespace slipway::http {

/// A body up to this size goes out in one piece with its head, in bytes.
inline constexpr size_t kJoinedBody = 64 * 1024;

/// How the body behind a head is framed.
struct Framing {
  std::optional<uint64_t> length;  ///< Content-Length
  bool chunked = false;
  bool close = false;  ///< Connection: close
};

/// Appends the head on the wire. Fields that frame the body or the connection are set here, whatever the message says,
/// but for "Connection: Upgrade". Line breaks in values become spaces.
void appendRequestHead(std::string& out, const Request& request, std::string_view host, const Framing& framing);
void appendResponseHead(std::string& out, const Response& response, const Framing& framing, std::string_view date);

/// Appends bytes as one chunk.
void appendChunk(std::string& out, std::string_view bytes);

}  // namespace slipway::http
