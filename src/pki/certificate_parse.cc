#include "base/strings.h"
#include "pki/certificate.h"
#include "pki/openssl.h"

namespace slipway::pki {
namespace {

using StorePtr = std::unique_ptr<X509_STORE, Freer<X509_STORE_free>>;
using StoreContextPtr = std::unique_ptr<X509_STORE_CTX, Freer<X509_STORE_CTX_free>>;

WallTime timeOf(const ASN1_TIME* time) {
  std::tm parts{};
  if (ASN1_TIME_to_tm(time, &parts) != 1) return {};
  return std::chrono::system_clock::from_time_t(timegm(&parts));
}

std::string serialOf(X509* certificate) {
  BIGNUM* number = ASN1_INTEGER_to_BN(X509_get0_serialNumber(certificate), nullptr);
  char* hex = number == nullptr ? nullptr : BN_bn2hex(number);
  const std::string out = hex == nullptr ? "" : toLower(hex);
  OPENSSL_free(hex);
  BN_free(number);
  return out;
}

std::string fingerprintOf(X509* certificate) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int size = 0;
  X509_digest(certificate, EVP_sha256(), digest.data(), &size);
  return hexEncode({reinterpret_cast<char*>(digest.data()), size});
}

Certificate describe(X509* certificate) {
  Certificate out;
  out.common_name = commonNameOf(X509_get_subject_name(certificate));
  out.organizations = organizationsOf(X509_get_subject_name(certificate));
  const NamesPtr names(
      static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)));
  AlternativeNames alternatives = alternativeNamesOf(names.get());
  out.dns_names = std::move(alternatives.dns);
  out.ips = std::move(alternatives.ips);
  out.issuer = commonNameOf(X509_get_issuer_name(certificate));
  out.serial = serialOf(certificate);
  out.not_before = timeOf(X509_get0_notBefore(certificate));
  out.not_after = timeOf(X509_get0_notAfter(certificate));
  out.is_ca = X509_check_ca(certificate) == 1;
  const uint32_t usage = X509_get_extended_key_usage(certificate);  // all bits set without the extension
  out.server_usage = (usage & XKU_SSL_SERVER) != 0;
  out.client_usage = (usage & XKU_SSL_CLIENT) != 0;
  out.fingerprint = fingerprintOf(certificate);
  const BioPtr bio = memoryBio();
  PEM_write_bio_X509(bio.get(), certificate);
  out.pem = contents(bio.get());
  return out;
}

Result<std::vector<X509Ptr>> parseAll(std::string_view pem) {
  const BioPtr bio = readerOf(pem);
  std::vector<X509Ptr> out;
  while (X509* next = PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr)) out.emplace_back(next);
  const unsigned long error = ERR_peek_last_error();
  if (out.empty() || (error != 0 && ERR_GET_REASON(error) != PEM_R_NO_START_LINE)) {
    return opensslFailure("not PEM certificates", Code::Invalid);
  }
  ERR_clear_error();
  return out;
}

}  // namespace

Result<Certificate> parseCertificate(std::string_view pem) {
  TRY(const X509Ptr certificate, parseX509(pem));
  return describe(certificate.get());
}

Result<std::vector<Certificate>> parseCertificates(std::string_view pem) {
  TRY(const std::vector<X509Ptr> all, parseAll(pem));
  std::vector<Certificate> out;
  for (const X509Ptr& certificate : all) out.push_back(describe(certificate.get()));
  return out;
}

Status checkKeyMatches(std::string_view certificate, std::string_view key) {
  TRY(const X509Ptr parsed, parseX509(certificate));
  TRY(const PrivateKey parsed_key, PrivateKey::parse(key));
  if (X509_check_private_key(parsed.get(), parsed_key.get()) == 1) return {};
  ERR_clear_error();
  return failure(Code::Invalid, "the key does not belong to the certificate \"{}\"",
                 commonNameOf(X509_get_subject_name(parsed.get())));
}

Status verifyIssuedBy(std::string_view certificate, std::string_view ca, WallTime now) {
  TRY(const std::vector<X509Ptr> chain, parseAll(certificate));
  TRY(const std::vector<X509Ptr> roots, parseAll(ca));
  const StorePtr store(X509_STORE_new());
  for (const X509Ptr& root : roots) X509_STORE_add_cert(store.get(), root.get());
  STACK_OF(X509)* between = sk_X509_new_null();
  for (size_t i = 1; i < chain.size(); ++i) sk_X509_push(between, chain[i].get());
  const StoreContextPtr context(X509_STORE_CTX_new());
  X509_STORE_CTX_init(context.get(), store.get(), chain.front().get(), between);
  X509_STORE_CTX_set_time(context.get(), 0, std::chrono::system_clock::to_time_t(now));
  const bool good = X509_verify_cert(context.get()) == 1;
  const int reason = X509_STORE_CTX_get_error(context.get());
  sk_X509_free(between);
  ERR_clear_error();
  if (good) return {};
  return failure(Code::Invalid, "certificate \"{}\": {}", commonNameOf(X509_get_subject_name(chain.front().get())),
                 X509_verify_cert_error_string(reason));
}

}  // namespace slipway::pki
