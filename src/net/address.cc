#include <arpa/inet.h>

#include "base/strings.h"
#include "net/tcp.h"

namespace slipway::net {
namespace {

bool isIpv6(const std::string& text) {
  in6_addr address;
  return inet_pton(AF_INET6, text.substr(0, text.find('%')).c_str(), &address) == 1;
}

bool isIpv4(const std::string& text) {
  in_addr address;
  return inet_pton(AF_INET, text.c_str(), &address) == 1;
}

bool isHostName(std::string_view host) {
  if (host.empty() || host.size() > 253) return false;
  return std::all_of(host.begin(), host.end(),
                     [](unsigned char c) { return std::isalnum(c) != 0 || c == '-' || c == '.' || c == '_'; });
}

Result<uint16_t> parsePort(std::string_view text, std::string_view whole, int64_t lowest) {
  const std::optional<int64_t> port = parseInt(text);
  if (!port || *port < lowest || *port > 65535) {
    return failure(Code::BadRequest, "address \"{}\": \"{}\" is not a port from {} to 65535", whole, text, lowest);
  }
  return static_cast<uint16_t>(*port);
}

Result<HostPort> parse(std::string_view text, uint16_t default_port, int64_t lowest_port);

}  // namespace

bool HostPort::isIp() const {
  return isIpv4(host) || isIpv6(host);
}

std::string HostPort::str() const {
  return host.find(':') == std::string::npos ? fmt::format("{}:{}", host, port) : fmt::format("[{}]:{}", host, port);
}

Result<HostPort> parseHostPort(std::string_view text, uint16_t default_port) {
  return parse(text, default_port, 1);
}

Result<HostPort> parseListenAddress(std::string_view text) {
  if (!text.starts_with(':')) return parse(text, 0, 0);
  HostPort all;
  TRY(all.port, parsePort(text.substr(1), text, 0));
  return all;
}

namespace {

Result<HostPort> parse(std::string_view text, uint16_t default_port, int64_t lowest_port) {
  HostPort out;
  std::string_view port;
  bool has_port = false;
  if (text.starts_with('[')) {
    const size_t end = text.find(']');
    if (end == std::string_view::npos) return failure(Code::BadRequest, "address \"{}\": no \"]\"", text);
    out.host = text.substr(1, end - 1);
    const std::string_view rest = text.substr(end + 1);
    if (!isIpv6(out.host) || (!rest.empty() && rest[0] != ':')) {
      return failure(Code::BadRequest, "address \"{}\": not an IPv6 address in brackets", text);
    }
    has_port = !rest.empty();
    if (has_port) port = rest.substr(1);
  } else if (isIpv6(std::string(text))) {
    out.host = text;
  } else {
    const size_t colon = text.rfind(':');
    has_port = colon != std::string_view::npos;
    out.host = text.substr(0, colon);
    if (has_port) port = text.substr(colon + 1);
    if (!isHostName(out.host)) {
      return failure(Code::BadRequest, "address \"{}\": \"{}\" is not a host name or an IP address", text, out.host);
    }
  }
  if (!has_port) {
    if (default_port == 0) return failure(Code::BadRequest, "address \"{}\": a port is missing (host:port)", text);
    out.port = default_port;
    return out;
  }
  TRY(out.port, parsePort(port, text, lowest_port));
  return out;
}

}  // namespace

}  // namespace slipway::net
