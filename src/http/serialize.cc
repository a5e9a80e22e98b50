#include "http/serialize.h"

#include "base/strings.h"

namespace slipway::http {
namespace {

void appendField(std::string& out, std::string_view name, std::string_view value) {
  out.append(name).append(": ");
  const size_t from = out.size();
  out.append(value);
  // A value from elsewhere must not become a field of its own.
  for (size_t i = from; i < out.size(); ++i) {
    if (out[i] == '\r' || out[i] == '\n' || out[i] == '\0') out[i] = ' ';
  }
  out.append("\r\n");
}

bool framesTheMessage(std::string_view name, std::string_view value) {
  if (equalsIgnoreCase(name, "Connection")) return !equalsIgnoreCase(value, "Upgrade");
  return equalsIgnoreCase(name, "Content-Length") || equalsIgnoreCase(name, "Transfer-Encoding") ||
         equalsIgnoreCase(name, "Keep-Alive");
}

void appendFields(std::string& out, const Headers& headers, const Framing& framing) {
  for (const auto& [name, value] : headers) {
    if (!framesTheMessage(name, value)) appendField(out, name, value);
  }
  if (framing.length) fmt::format_to(std::back_inserter(out), "Content-Length: {}\r\n", *framing.length);
  if (framing.chunked) out.append("Transfer-Encoding: chunked\r\n");
  if (framing.close) out.append("Connection: close\r\n");
  out.append("\r\n");
}

}  // namespace

void appendRequestHead(std::string& out, const Request& request, std::string_view host, const Framing& framing) {
  const size_t from = out.size();
  out.append(request.method).append(" ").append(request.target);
  for (size_t i = from; i < out.size(); ++i) {
    if (out[i] == '\r' || out[i] == '\n') out[i] = '_';
  }
  out.append(" HTTP/1.1\r\n");
  if (!request.headers.has("Host")) appendField(out, "Host", host);
  appendFields(out, request.headers, framing);
}

void appendResponseHead(std::string& out, const Response& response, const Framing& framing, std::string_view date) {
  fmt::format_to(std::back_inserter(out), "HTTP/1.1 {} {}\r\n", response.status, reasonPhrase(response.status));
  if (!date.empty()) appendField(out, "Date", date);
  appendFields(out, response.headers, framing);
}

void appendChunk(std::string& out, std::string_view bytes) {
  fmt::format_to(std::back_inserter(out), "{:x}\r\n", bytes.size());
  out.append(bytes).append("\r\n");
}

}  // namespace slipway::http
