#include "pki/request.h"

#include "pki/openssl.h"

namespace slipway::pki {
namespace {

using ExtensionsPtr = std::unique_ptr<STACK_OF(X509_EXTENSION), decltype([](STACK_OF(X509_EXTENSION) * all) {
                                        sk_X509_EXTENSION_pop_free(all, X509_EXTENSION_free);
                                      })>;

Status addNames(X509_REQ* request, const CertificateTemplate& wanted) {
  TRY(const NamesPtr names, makeAlternativeNames(wanted.dns_names, wanted.ips));
  if (!names) return {};
  STACK_OF(X509_EXTENSION)* raw = nullptr;
  const int added = X509V3_add1_i2d(&raw, NID_subject_alt_name, names.get(), 0, X509V3_ADD_APPEND);
  const ExtensionsPtr extensions(raw);
  if (added != 1 || X509_REQ_add_extensions(request, extensions.get()) != 1) {
    return opensslFailure("adding names to a signing request");
  }
  return {};
}

}  // namespace

Result<std::string> createRequest(const CertificateTemplate& wanted, const PrivateKey& key) {
  const RequestPtr request(X509_REQ_new());
  X509_REQ_set_version(request.get(), X509_REQ_VERSION_1);
  TRY_STATUS(fillName(X509_REQ_get_subject_name(request.get()), wanted.common_name, wanted.organizations));
  TRY_STATUS(addNames(request.get(), wanted));
  X509_REQ_set_pubkey(request.get(), key.get());
  const EVP_MD* digest = key.type() == KeyType::Ed25519 ? nullptr : EVP_sha256();
  if (X509_REQ_sign(request.get(), key.get(), digest) == 0) return opensslFailure("signing a request");
  const BioPtr bio = memoryBio();
  PEM_write_bio_X509_REQ(bio.get(), request.get());
  return contents(bio.get());
}

Result<CertificateRequest> parseRequest(std::string_view pem) {
  const BioPtr bio = readerOf(pem);
  const RequestPtr request(PEM_read_bio_X509_REQ(bio.get(), nullptr, nullptr, nullptr));
  if (!request) return opensslFailure("not a PEM certificate request", Code::Invalid);
  const std::shared_ptr<EVP_PKEY> key(X509_REQ_get_pubkey(request.get()), EVP_PKEY_free);
  if (!key || X509_REQ_verify(request.get(), key.get()) != 1) {
    return opensslFailure("the signature of the certificate request is wrong", Code::Invalid);
  }
  CertificateRequest out{.key = PublicKey(key)};
  out.common_name = commonNameOf(X509_REQ_get_subject_name(request.get()));
  out.organizations = organizationsOf(X509_REQ_get_subject_name(request.get()));
  const ExtensionsPtr extensions(X509_REQ_get_extensions(request.get()));
  const NamesPtr names(
      static_cast<GENERAL_NAMES*>(X509V3_get_d2i(extensions.get(), NID_subject_alt_name, nullptr, nullptr)));
  AlternativeNames alternatives = alternativeNamesOf(names.get());
  out.dns_names = std::move(alternatives.dns);
  out.ips = std::move(alternatives.ips);
  out.other_names = std::move(alternatives.others);
  return out;
}

Result<std::string> signRequest(const Identity& ca, std::string_view request, CertificateTemplate rules) {
  TRY(const CertificateRequest parsed, parseRequest(request));
  rules.common_name = parsed.common_name;
  rules.organizations = parsed.organizations;
  rules.dns_names = parsed.dns_names;
  rules.ips = parsed.ips;
  return issueFor(ca, rules, parsed.key);
}

}  // namespace slipway::pki
