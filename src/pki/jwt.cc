#include "pki/jwt.h"

#include <openssl/core_names.h>
#include <openssl/ecdsa.h>

#include <boost/json.hpp>

#include "base/strings.h"
#include "pki/openssl.h"

namespace slipway::pki {
namespace {

namespace json = boost::json;
using DigestContextPtr = std::unique_ptr<EVP_MD_CTX, Freer<EVP_MD_CTX_free>>;
using EcdsaPtr = std::unique_ptr<ECDSA_SIG, Freer<ECDSA_SIG_free>>;
constexpr int kP256Bytes = 32;

std::string_view algorithmOf(KeyType type) {
  if (type == KeyType::EcP256) return "ES256";
  if (type == KeyType::Rsa2048) return "RS256";
  return "";
}

const unsigned char* bytesOf(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}
unsigned char* bytesOf(std::string& text) {
  return reinterpret_cast<unsigned char*>(text.data());
}

// JWT wants r and s side by side, OpenSSL speaks DER.
Result<std::string> rawFromDer(const std::string& der) {
  const unsigned char* at = bytesOf(der);
  const EcdsaPtr signature(d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(der.size())));
  if (!signature) return opensslFailure("reading an ECDSA signature");
  std::string raw(2 * kP256Bytes, '\0');
  BN_bn2binpad(ECDSA_SIG_get0_r(signature.get()), bytesOf(raw), kP256Bytes);
  BN_bn2binpad(ECDSA_SIG_get0_s(signature.get()), bytesOf(raw) + kP256Bytes, kP256Bytes);
  return raw;
}

std::string derFromRaw(std::string_view raw) {
  if (raw.size() != 2 * kP256Bytes) return "";
  const EcdsaPtr signature(ECDSA_SIG_new());
  BIGNUM* r = BN_bin2bn(bytesOf(raw), kP256Bytes, nullptr);
  BIGNUM* s = BN_bin2bn(bytesOf(raw) + kP256Bytes, kP256Bytes, nullptr);
  ECDSA_SIG_set0(signature.get(), r, s);
  unsigned char* out = nullptr;
  const int size = i2d_ECDSA_SIG(signature.get(), &out);
  std::string der(reinterpret_cast<char*>(out), static_cast<size_t>(std::max(size, 0)));
  OPENSSL_free(out);
  return der;
}

Result<std::string> signBytes(const PrivateKey& key, std::string_view bytes) {
  const DigestContextPtr context(EVP_MD_CTX_new());
  size_t size = 0;
  if (EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, key.get()) != 1 ||
      EVP_DigestSign(context.get(), nullptr, &size, bytesOf(bytes), bytes.size()) != 1) {
    return opensslFailure("signing a token");
  }
  std::string signature(size, '\0');
  if (EVP_DigestSign(context.get(), bytesOf(signature), &size, bytesOf(bytes), bytes.size()) != 1) {
    return opensslFailure("signing a token");
  }
  signature.resize(size);
  if (key.type() == KeyType::EcP256) return rawFromDer(signature);
  return signature;
}

std::string numberOf(const EVP_PKEY* key, const char* name) {
  BIGNUM* number = nullptr;
  if (EVP_PKEY_get_bn_param(key, name, &number) != 1) return "";
  std::string bytes(static_cast<size_t>(BN_num_bytes(number)), '\0');
  BN_bn2bin(number, bytesOf(bytes));
  BN_free(number);
  return bytes;
}

std::string padded(std::string bytes) {
  bytes.insert(0, static_cast<size_t>(kP256Bytes) - std::min<size_t>(bytes.size(), kP256Bytes), '\0');
  return bytes;
}

Result<json::object> decodePart(std::string_view part) {
  const auto text = base64Decode(part);
  if (!text) return failure(Code::Unauthorized, "token: not base64");
  boost::system::error_code error;
  json::value value = json::parse(*text, error);
  if (error || !value.is_object()) return failure(Code::Unauthorized, "token: not a JSON object");
  return std::move(value.get_object());
}

std::string stringOf(const json::object& object, std::string_view name) {
  const json::value* value = object.if_contains(name);
  return value != nullptr && value->is_string() ? std::string(value->get_string()) : "";
}

}  // namespace

Result<std::string> signJwt(const PrivateKey& key, std::string_view key_id, const json::object& claims) {
  const std::string_view algorithm = algorithmOf(key.type());
  if (algorithm.empty()) return failure(Code::Invalid, "tokens are signed with an RSA or a P-256 key");
  json::object header{{"alg", algorithm}};
  if (!key_id.empty()) header["kid"] = key_id;
  std::string token = base64UrlEncode(json::serialize(header)) + "." + base64UrlEncode(json::serialize(claims));
  TRY(const std::string signature, signBytes(key, token));
  return token + "." + base64UrlEncode(signature);
}

Result<Jwt> parseJwt(std::string_view token) {
  const size_t first = token.find('.');
  const size_t second = first == std::string_view::npos ? first : token.find('.', first + 1);
  if (second == std::string_view::npos || token.find('.', second + 1) != std::string_view::npos) {
    return failure(Code::Unauthorized, "token: not a JWT");
  }
  TRY(const json::object header, decodePart(token.substr(0, first)));
  Jwt jwt;
  TRY(jwt.claims, decodePart(token.substr(first + 1, second - first - 1)));
  jwt.algorithm = stringOf(header, "alg");
  jwt.key_id = stringOf(header, "kid");
  jwt.signed_part = token.substr(0, second);
  auto signature = base64Decode(token.substr(second + 1));
  if (!signature) return failure(Code::Unauthorized, "token: the signature is not base64");
  jwt.signature = std::move(*signature);
  return jwt;
}

Status verifyJwt(const Jwt& jwt, const PublicKey& key) {
  // The algorithm is the key's, never the token's choice.
  if (jwt.algorithm.empty() || jwt.algorithm != algorithmOf(key.type())) {
    return failure(Code::Unauthorized, "token: algorithm \"{}\" does not go with the key", toValidUtf8(jwt.algorithm));
  }
  const std::string signature = key.type() == KeyType::EcP256 ? derFromRaw(jwt.signature) : jwt.signature;
  const DigestContextPtr context(EVP_MD_CTX_new());
  const bool good = EVP_DigestVerifyInit(context.get(), nullptr, EVP_sha256(), nullptr, key.get()) == 1 &&
                    EVP_DigestVerify(context.get(), bytesOf(signature), signature.size(), bytesOf(jwt.signed_part),
                                     jwt.signed_part.size()) == 1;
  ERR_clear_error();
  if (!good) return failure(Code::Unauthorized, "token: wrong signature");
  return {};
}

Result<json::object> jwkOf(const PublicKey& key, std::string_view key_id) {
  const std::string_view algorithm = algorithmOf(key.type());
  if (algorithm.empty()) return failure(Code::Invalid, "only RSA and P-256 keys are published");
  json::object out{{"use", "sig"}, {"alg", algorithm}, {"kid", key_id}};
  if (key.type() == KeyType::Rsa2048) {
    out["kty"] = "RSA";
    out["n"] = base64UrlEncode(numberOf(key.get(), OSSL_PKEY_PARAM_RSA_N));
    out["e"] = base64UrlEncode(numberOf(key.get(), OSSL_PKEY_PARAM_RSA_E));
  } else {
    out["kty"] = "EC";
    out["crv"] = "P-256";
    out["x"] = base64UrlEncode(padded(numberOf(key.get(), OSSL_PKEY_PARAM_EC_PUB_X)));
    out["y"] = base64UrlEncode(padded(numberOf(key.get(), OSSL_PKEY_PARAM_EC_PUB_Y)));
  }
  return out;
}

std::string keyIdOf(const PublicKey& key) {
  const std::string der = key.der();
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int size = 0;
  EVP_Digest(der.data(), der.size(), digest.data(), &size, EVP_sha256(), nullptr);
  return base64UrlEncode({reinterpret_cast<char*>(digest.data()), size});
}

}  // namespace slipway::pki
