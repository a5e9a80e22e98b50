#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"

struct evp_pkey_st;

namespace slipway::pki {

enum class KeyType {
  Ed25519,  ///< mTLS of the tunnel
  EcP256,   ///< TLS of servers that old clients meet; JWT ES256
  Rsa2048,  ///< JWT RS256, as service account keys usually are
  Other,    ///< parsed, of a kind that is never made here
};

/// The public half. Cheap to copy, immutable, safe from every thread.
class PublicKey {
 public:
  /// "PUBLIC KEY", or the public half of a "CERTIFICATE" or of a private key, as kube-apiserver takes them.
  static Result<PublicKey> parse(std::string_view pem);
  explicit PublicKey(std::shared_ptr<evp_pkey_st> key) : key_(std::move(key)) {}

  KeyType type() const;
  std::string pem() const;
  std::string der() const;  ///< SubjectPublicKeyInfo
  evp_pkey_st* get() const { return key_.get(); }

 private:
  std::shared_ptr<evp_pkey_st> key_;
};

/// A private key. Cheap to copy, immutable, safe from every thread.
class PrivateKey {
 public:
  static Result<PrivateKey> generate(KeyType type);
  /// PKCS#8, SEC1 or PKCS#1; encrypted keys are refused.
  static Result<PrivateKey> parse(std::string_view pem);

  KeyType type() const;
  std::string pem() const;  ///< PKCS#8
  PublicKey publicKey() const { return PublicKey(key_); }
  evp_pkey_st* get() const { return key_.get(); }

 private:
  explicit PrivateKey(std::shared_ptr<evp_pkey_st> key) : key_(std::move(key)) {}
  std::shared_ptr<evp_pkey_st> key_;
};

}  // namespace slipway::pki
