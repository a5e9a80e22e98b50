#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "async/task.h"

namespace slipway::net {

/// What is known of the other end.
struct Peer {
  std::string address;                     ///< "127.0.0.1:4711", or empty
  std::string common_name;                 ///< of the verified client or server certificate; empty without one
  std::vector<std::string> organizations;  ///< of the same certificate
  std::string fingerprint;                 ///< SHA-256 of the certificate, lower-case hexadecimal
  std::string server_name;                 ///< SNI that the client sent, on the server's side
  std::string protocol;                    ///< ALPN: "h2", "http/1.1" or empty
};

/// A connection: bytes both ways. One reader and one writer may be at work at the same time, each at most once.
/// A cancelled read or write leaves the stream unusable. Errors: ServiceUnavailable when the connection is lost.
class ByteStream {
 public:
  virtual ~ByteStream() = default;

  /// At least one byte into the buffer, or 0 at the end of the stream.
  virtual Task<Result<size_t>> readSome(std::span<char> buffer) = 0;
  /// All of `bytes`, which must stay alive until then.
  virtual Task<Status> write(std::string_view bytes) = 0;
  /// No more bytes from here: the other side reads an end, we go on reading.
  virtual Task<Status> shutdownWrite() = 0;
  /// Ends both ways at once; waiting reads and writes fail.
  virtual void close() = 0;
  virtual const Peer& peer() const = 0;
};

using StreamPtr = std::unique_ptr<ByteStream>;

/// Takes connections. accept() fails with ServiceUnavailable after close().
class Listener {
 public:
  virtual ~Listener() = default;
  virtual Task<Result<StreamPtr>> accept() = 0;
  virtual uint16_t port() const = 0;
  virtual void close() = 0;
};

/// Makes connections to one place, whatever lies on the way (TLS, a proxy).
class Dialer {
 public:
  virtual ~Dialer() = default;
  virtual Task<Result<StreamPtr>> dial() = 0;
  /// For error messages: "https://example.org:443".
  virtual std::string target() const = 0;
};

}  // namespace slipway::net
