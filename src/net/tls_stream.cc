#include "net/tls_stream.h"

#include <openssl/err.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "base/strings.h"
#include "pki/openssl.h"

namespace slipway::net {
namespace {

constexpr size_t kSmallRead = 4 * 1024;
constexpr size_t kLargeRead = 64 * 1024;
// Encrypted at once: bounds the memory that a large write takes.
constexpr size_t kMaxPiece = 128 * 1024;

std::string fingerprintOf(X509* certificate) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int size = 0;
  X509_digest(certificate, EVP_sha256(), digest.data(), &size);
  return hexEncode({reinterpret_cast<char*>(digest.data()), size});
}

}  // namespace

std::string takeOpensslError() {
  const unsigned long error = ERR_peek_last_error();
  ERR_clear_error();
  const char* reason = error == 0 ? nullptr : ERR_reason_error_string(error);
  return reason == nullptr ? "unknown error" : reason;
}

int TlsStream::bioRead(BIO* bio, char* out, int size) {
  auto* self = static_cast<TlsStream*>(BIO_get_data(bio));
  BIO_clear_retry_flags(bio);
  const size_t count = std::min(static_cast<size_t>(size), self->in_end_ - self->in_begin_);
  if (count == 0) {
    if (self->in_ended_) return 0;
    BIO_set_retry_read(bio);
    return -1;
  }
  std::copy_n(self->in_.data() + self->in_begin_, count, out);
  self->in_begin_ += count;
  return static_cast<int>(count);
}

int TlsStream::bioWrite(BIO* bio, const char* bytes, int size) {
  auto* self = static_cast<TlsStream*>(BIO_get_data(bio));
  BIO_clear_retry_flags(bio);
  self->out_.append(bytes, static_cast<size_t>(size));
  return size;
}

long TlsStream::bioControl(BIO* bio, int command, long /*number*/, void* /*pointer*/) {
  const auto* self = static_cast<TlsStream*>(BIO_get_data(bio));
  if (command == BIO_CTRL_FLUSH) return 1;
  if (command == BIO_CTRL_EOF) return self->in_ended_ && self->in_begin_ == self->in_end_ ? 1 : 0;
  return 0;
}

BIO_METHOD* TlsStream::bioMethod() {
  static BIO_METHOD* const method = [] {
    BIO_METHOD* made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "ByteStream");
    BIO_meth_set_read(made, bioRead);
    BIO_meth_set_write(made, bioWrite);
    BIO_meth_set_ctrl(made, bioControl);
    return made;
  }();
  return method;
}

TlsStream::TlsStream(StreamPtr below, SSL_CTX* context, bool is_server)
    : below_(std::move(below)), ssl_(SSL_new(context)) {
  BIO* bio = BIO_new(bioMethod());
  BIO_set_data(bio, this);
  BIO_set_init(bio, 1);
  SSL_set_bio(ssl_.get(), bio, bio);
  SSL_set_app_data(ssl_.get(), this);
  if (is_server) {
    SSL_set_accept_state(ssl_.get());
  } else {
    SSL_set_connect_state(ssl_.get());
  }
  peer_ = below_->peer();
}

TlsStream::~TlsStream() = default;

int TlsStream::onVerify(int good, X509_STORE_CTX* context) {
  if (good == 1) return good;
  const auto* ssl = static_cast<SSL*>(X509_STORE_CTX_get_ex_data(context, SSL_get_ex_data_X509_STORE_CTX_idx()));
  X509* leaf = X509_STORE_CTX_get0_cert(context);
  X509_up_ref(leaf);
  static_cast<TlsStream*>(SSL_get_app_data(ssl))->rejected_.reset(leaf);
  return good;
}

Error TlsStream::tlsError(int result) const {
  const int kind = SSL_get_error(ssl_.get(), result);
  if (kind == SSL_ERROR_SYSCALL || (kind == SSL_ERROR_SSL && in_ended_)) {
    ERR_clear_error();
    return {Code::ServiceUnavailable, fmt::format("{}: connection lost", peer_.address)};
  }
  return {Code::ServiceUnavailable, fmt::format("{}: TLS: {}", peer_.address, takeOpensslError())};
}

Task<Status> TlsStream::flush(bool wait) {
  while (sending_) {
    if (!wait) co_return Status();
    co_await sent_.wait();
  }
  if (send_error_) co_return failure(*send_error_);
  sending_ = true;
  // Also on unwinding: whoever waits must not wait for ever.
  struct Done {
    TlsStream& stream;
    bool finished = false;
    ~Done() {
      stream.sending_ = false;
      if (!finished && !stream.send_error_) {
        stream.send_error_ = Error{Code::ServiceUnavailable, "a write was cut off"};
      }
      stream.sent_.pulse();
    }
  } done{*this};
  while (!out_.empty()) {
    std::string now;
    now.swap(out_);
    const Status written = co_await below_->write(now);
    if (!written) {
      send_error_ = written.error();
      co_return failure(*send_error_);
    }
    if (out_.empty()) {
      // The buffer is used again, unless it grew large.
      now.clear();
      if (now.capacity() <= kMaxPiece) out_.swap(now);
    }
  }
  done.finished = true;
  co_return Status();
}

Task<Result<bool>> TlsStream::fill() {
  if (in_begin_ < in_end_) {
    // OpenSSL left bytes and wants more: keep them in front.
    std::copy(in_.begin() + static_cast<ptrdiff_t>(in_begin_), in_.begin() + static_cast<ptrdiff_t>(in_end_),
              in_.begin());
  }
  in_end_ -= in_begin_;
  in_begin_ = 0;
  if (in_.empty()) in_.resize(kSmallRead);
  if (in_end_ == in_.size()) in_.resize(kLargeRead + in_end_);
  CO_TRY(const size_t count, co_await below_->readSome(std::span(in_.data() + in_end_, in_.size() - in_end_)));
  in_end_ += count;
  if (count == 0) in_ended_ = true;
  // A read that filled the buffer has more behind it.
  if (in_end_ == in_.size() && in_.size() < kLargeRead) in_.resize(kLargeRead);
  co_return count > 0;
}

Task<Status> TlsStream::handshake() {
  while (true) {
    ERR_clear_error();
    const int result = SSL_do_handshake(ssl_.get());
    const int kind = SSL_get_error(ssl_.get(), result);
    if (result == 1) break;
    if (kind != SSL_ERROR_WANT_READ) {
      const std::string reason =
          kind == SSL_ERROR_SYSCALL || in_ended_ ? "the other side closed the connection" : takeOpensslError();
      // The alert tells the other side why.
      const Status ignored = co_await flush(true);
      co_return failure(Code::ServiceUnavailable, "TLS handshake: {}", reason);
    }
    CO_TRY_STATUS(co_await flush(true));
    CO_TRY_STATUS(co_await fill());
  }
  co_return co_await flush(true);
}

void TlsStream::describePeer() {
  const std::unique_ptr<X509, pki::Freer<X509_free>> certificate(SSL_get1_peer_certificate(ssl_.get()));
  // A certificate that nobody checked says nothing about the peer.
  const bool checked = (SSL_get_verify_mode(ssl_.get()) & SSL_VERIFY_PEER) != 0;
  if (certificate && checked) {
    peer_.common_name = pki::commonNameOf(X509_get_subject_name(certificate.get()));
    peer_.organizations = pki::organizationsOf(X509_get_subject_name(certificate.get()));
    peer_.fingerprint = fingerprintOf(certificate.get());
  }
  const unsigned char* protocol = nullptr;
  unsigned int size = 0;
  SSL_get0_alpn_selected(ssl_.get(), &protocol, &size);
  peer_.protocol.assign(reinterpret_cast<const char*>(protocol), size);
  if (const char* name = SSL_get_servername(ssl_.get(), TLSEXT_NAMETYPE_host_name)) peer_.server_name = name;
}

Task<Result<size_t>> TlsStream::readSome(std::span<char> buffer) {
  while (true) {
    ERR_clear_error();
    size_t count = 0;
    const int result = SSL_read_ex(ssl_.get(), buffer.data(), buffer.size(), &count);
    const int kind = SSL_get_error(ssl_.get(), result);
    if (!out_.empty()) CO_TRY_STATUS(co_await flush(false));
    if (result == 1) co_return count;
    if (kind == SSL_ERROR_ZERO_RETURN) co_return size_t{0};
    if (kind != SSL_ERROR_WANT_READ) co_return failure(tlsError(result));
    CO_TRY_STATUS(co_await fill());
  }
}

Task<Status> TlsStream::write(std::string_view bytes) {
  while (!bytes.empty()) {
    const std::string_view piece = bytes.substr(0, kMaxPiece);
    ERR_clear_error();
    size_t count = 0;
    const int result = SSL_write_ex(ssl_.get(), piece.data(), piece.size(), &count);
    if (result != 1) co_return failure(tlsError(result));
    bytes.remove_prefix(count);
    CO_TRY_STATUS(co_await flush(true));
  }
  co_return Status();
}

Task<Status> TlsStream::shutdownWrite() {
  ERR_clear_error();
  SSL_shutdown(ssl_.get());
  ERR_clear_error();
  CO_TRY_STATUS(co_await flush(true));
  co_return co_await below_->shutdownWrite();
}

void TlsStream::close() {
  below_->close();
}

}  // namespace slipway::net
