#pragma once

#include <memory>

#include "net/stream.h"

namespace slipway::net {

/// A host and a port: "example.org:443", "[::1]:443", "1.2.3.4:443". Grammar of the endpoint in agent.yaml.
struct HostPort {
  std::string host;  ///< without brackets
  uint16_t port = 0;
  bool isIp() const;
  std::string str() const;  ///< with brackets where they are needed
};
/// `default_port` 0: a port is required.
Result<HostPort> parseHostPort(std::string_view text, uint16_t default_port = 0);
/// Where to listen: as above, with port 0 for any free one and no host (":8080") for all addresses.
Result<HostPort> parseListenAddress(std::string_view text);

/// Connects by TCP: every address of the name in turn; keepalive on, Nagle off. Deadline for the whole: 10 s.
Task<Result<StreamPtr>> dialTcp(HostPort where);
Task<Result<StreamPtr>> dialUnix(std::string path);

/// Listens; port 0 takes a free one (port() tells). `address` is an IP; "" or "0.0.0.0" means all.
Result<std::unique_ptr<Listener>> listenTcp(Executor executor, const std::string& address, uint16_t port);
Result<std::unique_ptr<Listener>> listenUnix(Executor executor, const std::string& path);

/// Two connected ends in this process, for tests and for hops that stay inside.
std::pair<StreamPtr, StreamPtr> streamPair(Executor executor);

/// Dials TCP, through the proxy of an http:// URL by CONNECT when given (HTTPS_PROXY). Credentials in the URL are used.
std::unique_ptr<Dialer> tcpDialer(HostPort where, std::string proxy_url = "");

}  // namespace slipway::net
