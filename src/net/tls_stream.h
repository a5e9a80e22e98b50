#pragma once

#include <openssl/ssl.h>

#include <memory>
#include <string>

#include "async/event.h"
#include "net/stream.h"

namespace slipway::net {

/// TLS over any stream: OpenSSL is given the bytes that came and gives the bytes to send; it never sees a socket.
///
/// Life cycle: handshake() once, then as any ByteStream. Reader and writer may overlap: both can have bytes to send (a
/// key update, data), so flush() lets one of them send for both.
class TlsStream final : public ByteStream {
 public:
  TlsStream(StreamPtr below, SSL_CTX* context, bool is_server);
  ~TlsStream() override;

  SSL* ssl() { return ssl_.get(); }
  Task<Status> handshake();
  /// For SSL_CTX_set_verify: remembers the certificate that was found wrong.
  static int onVerify(int good, X509_STORE_CTX* context);
  /// The other side's leaf certificate that did not pass, or null.
  X509* rejected() const { return rejected_.get(); }
  /// Fills in peer() from the certificate and the negotiation.
  void describePeer();

  Task<Result<size_t>> readSome(std::span<char> buffer) override;
  Task<Status> write(std::string_view bytes) override;
  Task<Status> shutdownWrite() override;
  void close() override;
  const Peer& peer() const override { return peer_; }

 private:
  struct SslFree {
    void operator()(SSL* ssl) const { SSL_free(ssl); }
  };
  struct X509Free {
    void operator()(X509* certificate) const { X509_free(certificate); }
  };
  static int bioRead(BIO* bio, char* out, int size);
  static int bioWrite(BIO* bio, const char* bytes, int size);
  static long bioControl(BIO* bio, int command, long number, void* pointer);
  static BIO_METHOD* bioMethod();

  /// Sends what OpenSSL has produced. `wait` false: fine if another coroutine is sending already, it takes ours along.
  Task<Status> flush(bool wait);
  /// Bytes from below for OpenSSL; false at the end of the stream.
  Task<Result<bool>> fill();
  Error tlsError(int result) const;

  StreamPtr below_;
  std::unique_ptr<SSL, SslFree> ssl_;
  std::unique_ptr<X509, X509Free> rejected_;
  Peer peer_;
  std::string in_;
  size_t in_begin_ = 0;
  size_t in_end_ = 0;
  bool in_ended_ = false;
  std::string out_;
  bool sending_ = false;
  std::optional<Error> send_error_;
  async::Event sent_;
};

/// The newest error of OpenSSL in words, and its queue emptied.
std::string takeOpensslError();

}  // namespace slipway::net
