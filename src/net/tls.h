#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "net/stream.h"

namespace slipway::net {

/// Settings of one side of TLS. All certificates and keys are PEM texts.
struct TlsOptions {
  std::string certificate;  ///< own chain; empty for a client without one
  std::string key;
  std::string ca;                     ///< whom to believe; empty: the system's store (client)
  bool insecure_skip_verify = false;  ///< client: believe anyone
  /// Server: ask clients for a certificate. Require refuses those without one at the handshake.
  enum class ClientCertificates { None, Request, Require } client_certificates = ClientCertificates::None;
  bool only_tls13 = false;        ///< otherwise 1.2 and 1.3
  std::vector<std::string> alpn;  ///< in order of preference; a peer without a common one is refused when required
  bool require_alpn = false;
};

/// Keys and rules, loaded once, shared by all connections. Errors name what is wrong with which PEM.
class TlsContext {
 public:
  static Result<std::shared_ptr<TlsContext>> client(const TlsOptions& options);
  static Result<std::shared_ptr<TlsContext>> server(const TlsOptions& options);
  ~TlsContext();

  /// The server's handshake on an accepted stream, within 10 s.
  Task<Result<StreamPtr>> accept(StreamPtr stream);
  /// The client's handshake; `server_name` goes out as SNI (unless an IP) and must be in the certificate.
  /// An error says which rule failed: expired, wrong name, unknown issuer.
  Task<Result<StreamPtr>> connect(StreamPtr stream, std::string server_name);

  /// Connections from now on get this certificate; those that exist keep theirs. On an error nothing changes.
  Status useCertificate(const std::string& certificate, const std::string& key);

  struct Impl;
  explicit TlsContext(std::unique_ptr<Impl> impl);

 private:
  std::unique_ptr<Impl> impl_;
};

/// Dials below, then makes it TLS.
std::unique_ptr<Dialer> tlsDialer(std::unique_ptr<Dialer> below, std::shared_ptr<TlsContext> context,
                                  std::string server_name);

}  // namespace slipway::net
