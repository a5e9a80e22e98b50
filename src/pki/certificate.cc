#include "pki/certificate.h"

#include <openssl/rand.h>

#include "base/strings.h"
#include "pki/openssl.h"

namespace slipway::pki {
namespace {

Status setSerial(X509* certificate) {
  std::array<unsigned char, 16> bytes{};
  if (RAND_bytes(bytes.data(), bytes.size()) != 1) return opensslFailure("drawing a serial number");
  bytes[0] = static_cast<unsigned char>((bytes[0] & 0x7FU) | 0x40U);  // positive, and always 16 bytes long
  BIGNUM* number = BN_bin2bn(bytes.data(), bytes.size(), nullptr);
  BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate));
  BN_free(number);
  return {};
}

Status setTimes(X509* certificate, const CertificateTemplate& wanted) {
  const bool by_days = wanted.lifetime.count() == 0;
  if (wanted.lifetime.count() < 0 || (by_days && wanted.days <= 0)) {
    return failure(Code::Invalid, "a certificate must be valid for at least one day");
  }
  const time_t from = std::chrono::system_clock::to_time_t(wanted.not_before);
  ASN1_TIME* not_before = ASN1_TIME_set(X509_getm_notBefore(certificate), from);
  ASN1_TIME* not_after =
      ASN1_TIME_adj(X509_getm_notAfter(certificate), from, by_days ? wanted.days : 0, wanted.lifetime.count());
  if (not_before == nullptr || not_after == nullptr) {
    return opensslFailure("the certificate's times cannot be written", Code::Invalid);
  }
  return {};
}

Status addExtension(X509* certificate, X509* issuer, int nid, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str());
  if (extension == nullptr) return opensslFailure(fmt::format("certificate extension {}", value), Code::Invalid);
  const int added = X509_add_ext(certificate, extension, -1);
  X509_EXTENSION_free(extension);
  if (added != 1) return opensslFailure("adding a certificate extension");
  return {};
}

std::string usagesOf(const CertificateTemplate& wanted) {
  std::string usages;
  if (wanted.client_usage) usages = "clientAuth";
  if (wanted.server_usage) usages += usages.empty() ? "serverAuth" : ",serverAuth";
  return usages;
}

Status addExtensions(X509* certificate, X509* issuer, const CertificateTemplate& wanted, bool is_ca, bool is_rsa) {
  if (is_ca) {
    TRY_STATUS(addExtension(certificate, issuer, NID_basic_constraints, "critical,CA:TRUE"));
    TRY_STATUS(addExtension(certificate, issuer, NID_key_usage, "critical,keyCertSign"));
    TRY_STATUS(addExtension(certificate, issuer, NID_subject_key_identifier, "hash"));
  } else {
    const char* usage = is_rsa ? "critical,digitalSignature,keyEncipherment" : "critical,digitalSignature";
    TRY_STATUS(addExtension(certificate, issuer, NID_key_usage, usage));
    if (X509_get0_subject_key_id(issuer) != nullptr) {
      TRY_STATUS(addExtension(certificate, issuer, NID_authority_key_identifier, "keyid"));
    }
  }
  if (const std::string usages = usagesOf(wanted); !usages.empty()) {
    TRY_STATUS(addExtension(certificate, issuer, NID_ext_key_usage, usages));
  }
  TRY(const NamesPtr names, makeAlternativeNames(wanted.dns_names, wanted.ips));
  if (names && X509_add1_ext_i2d(certificate, NID_subject_alt_name, names.get(), 0, 0) != 1) {
    return opensslFailure("adding the certificate's names");
  }
  return {};
}

Status sign(X509* certificate, EVP_PKEY* key) {
  const EVP_MD* digest = EVP_PKEY_is_a(key, "ED25519") == 1 ? nullptr : EVP_sha256();
  if (X509_sign(certificate, key, digest) == 0) return opensslFailure("signing a certificate");
  return {};
}

// `issuer` null: signed by itself.
Result<std::string> build(const CertificateTemplate& wanted, EVP_PKEY* subject_key, X509* issuer,
                          EVP_PKEY* issuer_key) {
  const X509Ptr certificate(X509_new());
  X509_set_version(certificate.get(), X509_VERSION_3);
  TRY_STATUS(setSerial(certificate.get()));
  TRY_STATUS(setTimes(certificate.get(), wanted));
  TRY_STATUS(fillName(X509_get_subject_name(certificate.get()), wanted.common_name, wanted.organizations));
  X509* signer = issuer == nullptr ? certificate.get() : issuer;
  X509_set_issuer_name(certificate.get(), X509_get_subject_name(signer));
  X509_set_pubkey(certificate.get(), subject_key);
  const bool is_rsa = EVP_PKEY_is_a(subject_key, "RSA") == 1;
  TRY_STATUS(addExtensions(certificate.get(), signer, wanted, issuer == nullptr, is_rsa));
  TRY_STATUS(sign(certificate.get(), issuer_key));
  const BioPtr bio = memoryBio();
  PEM_write_bio_X509(bio.get(), certificate.get());
  return contents(bio.get());
}

}  // namespace

Result<Identity> createCa(const CertificateTemplate& wanted, KeyType type) {
  TRY(const PrivateKey key, PrivateKey::generate(type));
  TRY(std::string certificate, build(wanted, key.get(), nullptr, key.get()));
  return Identity{std::move(certificate), key.pem()};
}

Result<Identity> issue(const Identity& ca, const CertificateTemplate& wanted, KeyType type) {
  TRY(const PrivateKey key, PrivateKey::generate(type));
  TRY(std::string certificate, issueFor(ca, wanted, key.publicKey()));
  return Identity{std::move(certificate), key.pem()};
}

Result<std::string> issueFor(const Identity& ca, const CertificateTemplate& wanted, const PublicKey& key) {
  const auto issuer = parseX509(ca.certificate);
  if (!issuer) return failure(issuer.error().wrap("CA"));
  const auto issuer_key = PrivateKey::parse(ca.key);
  if (!issuer_key) return failure(issuer_key.error().wrap("CA key"));
  if (X509_check_private_key(issuer->get(), issuer_key->get()) != 1) {
    return opensslFailure("CA key and CA certificate do not belong together", Code::Invalid);
  }
  return build(wanted, key.get(), issuer->get(), issuer_key->get());
}

}  // namespace slipway::pki
