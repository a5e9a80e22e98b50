// Requests and responses as they come from the network: one byte chooses the kind and the piece size.
#include <cstdlib>

#include "http/parser.h"

using slipway::http::MessageParser;

namespace {

// What a parser makes of a text must not depend on how the text was cut.
std::string outcome(MessageParser::Kind kind, bool to_head, std::string_view bytes, size_t piece) {
  MessageParser parser(kind, {.max_header_bytes = 4096, .max_body_bytes = 4096});
  parser.reset(to_head);
  std::string buffer;
  std::string seen;
  while (!bytes.empty()) {
    buffer.append(bytes.substr(0, piece));
    bytes.remove_prefix(std::min(piece, bytes.size()));
    while (true) {
      const auto used = parser.feed(buffer);
      if (!used) return seen + "refused";
      buffer.erase(0, *used);
      if (parser.done()) {
        seen += parser.request().target + "\n" + parser.body() + (parser.keepAlive() ? "\n" : "\nlast\n");
        parser.reset(to_head);
        if (buffer.empty()) break;
      } else if (*used == 0 || buffer.empty()) {
        break;
      }
    }
  }
  return seen;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0 || size > 3000) return 0;
  const auto kind = (data[0] & 1U) != 0 ? MessageParser::Kind::Request : MessageParser::Kind::Response;
  const bool to_head = (data[0] & 2U) != 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  const std::string whole = outcome(kind, to_head, bytes, bytes.size() + 1);
  if (whole != outcome(kind, to_head, bytes, 1)) std::abort();
  if (whole != outcome(kind, to_head, bytes, 1 + data[0] / 4)) std::abort();
  return 0;
}
