#include "pki/key.h"

#include "pki/openssl.h"

namespace slipway::pki {
namespace {

std::shared_ptr<EVP_PKEY> owned(EVP_PKEY* key) {
  return {key, EVP_PKEY_free};
}

KeyType typeOf(const EVP_PKEY* key) {
  if (EVP_PKEY_is_a(key, "ED25519") == 1) return KeyType::Ed25519;
  if (EVP_PKEY_is_a(key, "RSA") == 1) return KeyType::Rsa2048;
  std::array<char, 64> group{};
  if (EVP_PKEY_is_a(key, "EC") == 1 && EVP_PKEY_get_group_name(key, group.data(), group.size(), nullptr) == 1 &&
      std::string_view(group.data()) == "prime256v1") {
    return KeyType::EcP256;
  }
  return KeyType::Other;
}

// Without this OpenSSL asks for a password on the terminal.
int noPassword(char* /*buffer*/, int /*size*/, int /*writing*/, void* /*user*/) {
  return -1;
}

}  // namespace

Result<PublicKey> PublicKey::parse(std::string_view pem) {
  if (pem.find("PRIVATE KEY-----") != std::string_view::npos) {
    TRY(const PrivateKey key, PrivateKey::parse(pem));
    return key.publicKey();
  }
  if (pem.find("BEGIN CERTIFICATE-----") != std::string_view::npos) {
    TRY(const X509Ptr certificate, parseX509(pem));
    EVP_PKEY* key = X509_get_pubkey(certificate.get());
    if (key == nullptr) return opensslFailure("certificate without a usable public key", Code::Invalid);
    return PublicKey(owned(key));
  }
  const BioPtr bio = readerOf(pem);
  EVP_PKEY* key = PEM_read_bio_PUBKEY(bio.get(), nullptr, noPassword, nullptr);
  if (key == nullptr) return opensslFailure("not a PEM public key", Code::Invalid);
  return PublicKey(owned(key));
}

KeyType PublicKey::type() const {
  return typeOf(key_.get());
}

std::string PublicKey::pem() const {
  const BioPtr bio = memoryBio();
  PEM_write_bio_PUBKEY(bio.get(), key_.get());
  return contents(bio.get());
}

std::string PublicKey::der() const {
  const BioPtr bio = memoryBio();
  i2d_PUBKEY_bio(bio.get(), key_.get());
  return contents(bio.get());
}

Result<PrivateKey> PrivateKey::generate(KeyType type) {
  EVP_PKEY* key = nullptr;
  if (type == KeyType::Ed25519) key = EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519");
  if (type == KeyType::EcP256) key = EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-256");
  if (type == KeyType::Rsa2048) key = EVP_PKEY_Q_keygen(nullptr, nullptr, "RSA", size_t{2048});
  if (key == nullptr) return opensslFailure("generating a key");
  return PrivateKey(owned(key));
}

Result<PrivateKey> PrivateKey::parse(std::string_view pem) {
  const BioPtr bio = readerOf(pem);
  EVP_PKEY* key = PEM_read_bio_PrivateKey(bio.get(), nullptr, noPassword, nullptr);
  if (key == nullptr) return opensslFailure("not a PEM private key without a password", Code::Invalid);
  return PrivateKey(owned(key));
}

KeyType PrivateKey::type() const {
  return typeOf(key_.get());
}

std::string PrivateKey::pem() const {
  const BioPtr bio = memoryBio();
  PEM_write_bio_PKCS8PrivateKey(bio.get(), key_.get(), nullptr, nullptr, 0, nullptr, nullptr);
  return contents(bio.get());
}

}  // namespace slipway::pki
