#include "net/tls.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "async/deadline.h"
#include "net/tcp.h"
#include "net/tls_stream.h"
#include "pki/certificate.h"
#include "pki/key.h"
#include "pki/openssl.h"

namespace slipway::net {
namespace {

constexpr auto kHandshakeLimit = std::chrono::seconds(10);

struct ContextFree {
  void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
};
using ContextPtr = std::unique_ptr<SSL_CTX, ContextFree>;

tl::unexpected<Error> bad(std::string_view what) {
  return failure(Code::Invalid, "TLS: {}: {}", what, takeOpensslError());
}

// "h2" "http/1.1" as TLS writes them: each with its length in front.
std::string alpnWire(const std::vector<std::string>& protocols) {
  std::string wire;
  for (const std::string& protocol : protocols) {
    wire += static_cast<char>(protocol.size());
    wire += protocol;
  }
  return wire;
}

Status loadIdentity(SSL_CTX* context, const TlsOptions& options) {
  if (options.certificate.empty()) return {};
  const pki::BioPtr chain = pki::readerOf(options.certificate);
  const pki::X509Ptr leaf(PEM_read_bio_X509_AUX(chain.get(), nullptr, nullptr, nullptr));
  if (!leaf || SSL_CTX_use_certificate(context, leaf.get()) != 1) return bad("own certificate");
  while (X509* next = PEM_read_bio_X509(chain.get(), nullptr, nullptr, nullptr)) SSL_CTX_add0_chain_cert(context, next);
  ERR_clear_error();
  const auto key = pki::PrivateKey::parse(options.key);
  if (!key) return failure(key.error().wrap("TLS: own key"));
  if (SSL_CTX_use_PrivateKey(context, key->get()) != 1) return bad("own key does not go with the certificate");
  return {};
}

Status loadCa(SSL_CTX* context, const std::string& ca, bool is_server) {
  const pki::BioPtr bio = pki::readerOf(ca);
  X509_STORE* store = SSL_CTX_get_cert_store(context);
  int count = 0;
  while (X509* next = PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr)) {
    const pki::X509Ptr certificate(next);
    X509_STORE_add_cert(store, next);
    if (is_server) SSL_CTX_add_client_CA(context, next);
    ++count;
  }
  if (count == 0) return bad("CA certificate");
  ERR_clear_error();
  return {};
}

void setCommon(SSL_CTX* context, const TlsOptions& options) {
  SSL_CTX_set_min_proto_version(context, options.only_tls13 ? TLS1_3_VERSION : TLS1_2_VERSION);
  SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  // Idle connections hold no record buffers.
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_AUTO_RETRY);
}

Result<ContextPtr> makeContext(const SSL_METHOD* method, const TlsOptions& options) {
  ERR_clear_error();
  ContextPtr context(SSL_CTX_new(method));
  if (!context) return bad("making a context");
  setCommon(context.get(), options);
  TRY_STATUS(loadIdentity(context.get(), options));
  return context;
}

}  // namespace

struct TlsContext::Impl {
  ContextPtr context;
  TlsOptions options;
  std::string alpn;

  Status checkAlpn(const TlsStream& stream) const {
    if (!options.require_alpn || !stream.peer().protocol.empty()) return {};
    return failure(Code::ServiceUnavailable, "{}: TLS: no common application protocol (ALPN)", stream.peer().address);
  }
};

namespace {

int chooseProtocol(SSL* /*ssl*/, const unsigned char** out, unsigned char* size, const unsigned char* offered,
                   unsigned int offered_size, void* user) {
  const auto& impl = *static_cast<TlsContext::Impl*>(user);
  unsigned char* chosen = nullptr;
  const int found = SSL_select_next_proto(&chosen, size, reinterpret_cast<const unsigned char*>(impl.alpn.data()),
                                          static_cast<unsigned int>(impl.alpn.size()), offered, offered_size);
  if (found == OPENSSL_NPN_NEGOTIATED) {
    *out = chosen;
    return SSL_TLSEXT_ERR_OK;
  }
  return impl.options.require_alpn ? SSL_TLSEXT_ERR_ALERT_FATAL : SSL_TLSEXT_ERR_NOACK;
}

Status expectName(SSL* ssl, const std::string& name) {
  X509_VERIFY_PARAM* rules = SSL_get0_param(ssl);
  if (HostPort{name, 0}.isIp()) {
    if (X509_VERIFY_PARAM_set1_ip_asc(rules, name.c_str()) == 1) return {};
    return bad("server name \"" + name + "\"");
  }
  X509_VERIFY_PARAM_set_hostflags(rules, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  if (SSL_set_tlsext_host_name(ssl, name.c_str()) != 1 || X509_VERIFY_PARAM_set1_host(rules, name.c_str(), 0) != 1) {
    return bad("server name \"" + name + "\"");
  }
  return {};
}

std::string namesOf(X509* certificate) {
  const pki::NamesPtr names(
      static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)));
  pki::AlternativeNames all = pki::alternativeNamesOf(names.get());
  all.dns.insert(all.dns.end(), all.ips.begin(), all.ips.end());
  return all.dns.empty() ? "no name" : fmt::format("{}", fmt::join(all.dns, ", "));
}

// Which rule the other side's certificate broke, or nothing.
std::optional<std::string> verifyError(TlsStream& stream, const std::string& expected) {
  X509* certificate = stream.rejected();
  if (certificate == nullptr) return std::nullopt;
  const long code = SSL_get_verify_result(stream.ssl());
  std::string why = X509_verify_cert_error_string(code);
  if (code == X509_V_ERR_HOSTNAME_MISMATCH || code == X509_V_ERR_IP_ADDRESS_MISMATCH) {
    why = fmt::format("it is for {}, not for {}", namesOf(certificate), expected);
  } else if (code == X509_V_ERR_CERT_HAS_EXPIRED) {
    why = "it has expired";
  } else if (code == X509_V_ERR_CERT_NOT_YET_VALID) {
    why = "it is not valid yet; are the clocks right?";
  } else if (code == X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY || code == X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT ||
             code == X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN || code == X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE ||
             code == X509_V_ERR_CERT_SIGNATURE_FAILURE) {
    why = fmt::format("signed by an unknown authority ({})", why);
  }
  return fmt::format("certificate \"{}\": {}", pki::commonNameOf(X509_get_subject_name(certificate)), why);
}

Task<Status> shakeHands(TlsStream& stream) {
  Status done = co_await stream.handshake();
  co_return done;
}

}  // namespace

TlsContext::TlsContext(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
TlsContext::~TlsContext() = default;

Result<std::shared_ptr<TlsContext>> TlsContext::client(const TlsOptions& options) {
  auto impl = std::make_unique<Impl>();
  impl->options = options;
  TRY(impl->context, makeContext(TLS_client_method(), options));
  SSL_CTX* context = impl->context.get();
  if (options.ca.empty()) {
    SSL_CTX_set_default_verify_paths(context);
    ERR_clear_error();
  } else {
    TRY_STATUS(loadCa(context, options.ca, false));
  }
  SSL_CTX_set_verify(context, options.insecure_skip_verify ? SSL_VERIFY_NONE : SSL_VERIFY_PEER, TlsStream::onVerify);
  impl->alpn = alpnWire(options.alpn);
  if (!impl->alpn.empty()) {
    SSL_CTX_set_alpn_protos(context, reinterpret_cast<const unsigned char*>(impl->alpn.data()),
                            static_cast<unsigned int>(impl->alpn.size()));
  }
  return std::make_shared<TlsContext>(std::move(impl));
}

Status TlsContext::useCertificate(const std::string& certificate, const std::string& key) {
  TRY_STATUS(pki::checkKeyMatches(certificate, key));
  SSL_CTX* context = impl_->context.get();
  SSL_CTX_clear_chain_certs(context);
  TlsOptions options = impl_->options;
  options.certificate = certificate;
  options.key = key;
  TRY_STATUS(loadIdentity(context, options));
  impl_->options = std::move(options);
  return {};
}

Result<std::shared_ptr<TlsContext>> TlsContext::server(const TlsOptions& options) {
  using Wanted = TlsOptions::ClientCertificates;
  if (options.certificate.empty()) return failure(Code::Invalid, "TLS: a server needs a certificate");
  auto impl = std::make_unique<Impl>();
  impl->options = options;
  TRY(impl->context, makeContext(TLS_server_method(), options));
  SSL_CTX* context = impl->context.get();
  if (options.client_certificates != Wanted::None) {
    TRY_STATUS(loadCa(context, options.ca, true));
    const int require = options.client_certificates == Wanted::Require ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0;
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER | require, TlsStream::onVerify);
  }
  // Session tickets would carry a client's identity past the end of its certificate.
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_options(context, SSL_OP_NO_TICKET | SSL_OP_CIPHER_SERVER_PREFERENCE);
  SSL_CTX_set_num_tickets(context, 0);
  impl->alpn = alpnWire(options.alpn);
  if (!impl->alpn.empty()) SSL_CTX_set_alpn_select_cb(context, chooseProtocol, impl.get());
  return std::make_shared<TlsContext>(std::move(impl));
}

Task<Result<StreamPtr>> TlsContext::accept(StreamPtr stream) {
  auto tls = std::make_unique<TlsStream>(std::move(stream), impl_->context.get(), true);
  const std::string who = tls->peer().address;
  const Status done = co_await async::withDeadline(shakeHands(*tls), kHandshakeLimit, "TLS handshake");
  const auto rejected = verifyError(*tls, "");
  if (!done && rejected) co_return failure(Code::Unauthorized, "{}: {}", who, *rejected);
  if (!done) co_return failure(done.error().wrap(who));
  tls->describePeer();
  CO_TRY_STATUS(impl_->checkAlpn(*tls));
  co_return StreamPtr(std::move(tls));
}

Task<Result<StreamPtr>> TlsContext::connect(StreamPtr stream, std::string server_name) {
  auto tls = std::make_unique<TlsStream>(std::move(stream), impl_->context.get(), false);
  CO_TRY_STATUS(expectName(tls->ssl(), server_name));
  const Status done = co_await async::withDeadline(shakeHands(*tls), kHandshakeLimit, "TLS handshake");
  const auto rejected = verifyError(*tls, server_name);
  if (!done && rejected) co_return failure(Code::ServiceUnavailable, "{}: {}", server_name, *rejected);
  if (!done) co_return failure(done.error().wrap(server_name));
  tls->describePeer();
  CO_TRY_STATUS(impl_->checkAlpn(*tls));
  co_return StreamPtr(std::move(tls));
}

namespace {

class TlsDialer final : public Dialer {
 public:
  TlsDialer(std::unique_ptr<Dialer> below, std::shared_ptr<TlsContext> context, std::string server_name)
      : below_(std::move(below)), context_(std::move(context)), server_name_(std::move(server_name)) {}

  Task<Result<StreamPtr>> dial() override {
    CO_TRY(StreamPtr stream, co_await below_->dial());
    auto secured = co_await context_->connect(std::move(stream), server_name_);
    co_return std::move(secured);
  }
  std::string target() const override { return "https://" + below_->target(); }

 private:
  std::unique_ptr<Dialer> below_;
  std::shared_ptr<TlsContext> context_;
  std::string server_name_;
};

}  // namespace

std::unique_ptr<Dialer> tlsDialer(std::unique_ptr<Dialer> below, std::shared_ptr<TlsContext> context,
                                  std::string server_name) {
  return std::make_unique<TlsDialer>(std::move(below), std::move(context), std::move(server_name));
}

}  // namespace slipway::net
