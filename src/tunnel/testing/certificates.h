#pragma once

#include "net/tls.h"

namespace slipway::tunnel::testing {

/// Settings of both sides as the product has them: mutual TLS 1.3, ED25519, ALPN h2. The server is "site.example", the
/// client "lumi".
struct TlsSides {
  net::TlsOptions server;
  net::TlsOptions client;
};
TlsSides makeTlsSides();

}  // namespace slipway::tunnel::testing
