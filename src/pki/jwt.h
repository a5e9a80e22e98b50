#pragma once

#include <boost/json/object.hpp>
#include <string>
#include <string_view>

#include "pki/key.h"

namespace slipway::pki {

/// A JSON Web Token, taken apart. Nothing in it may be believed before verifyJwt().
struct Jwt {
  std::string algorithm;
  std::string key_id;
  boost::json::object claims;
  std::string_view signed_part;  ///< into the token
  std::string signature;
};

/// Signs claims: ES256 with an EcP256 key, RS256 with RSA. `key_id` goes into the header unless empty.
Result<std::string> signJwt(const PrivateKey& key, std::string_view key_id, const boost::json::object& claims);
/// Unauthorized when it is no JWT. `token` must outlive the result.
Result<Jwt> parseJwt(std::string_view token);
/// Only whether the signature is of that key with the algorithm that goes with the key; times, issuer and audiences are
/// the caller's business.
Status verifyJwt(const Jwt& jwt, const PublicKey& key);

/// The key as a JWK: kty, alg, use, kid and the numbers.
Result<boost::json::object> jwkOf(const PublicKey& key, std::string_view key_id);
/// The key id that Kubernetes gives a key: URL-safe base64 of the SHA-256 of its DER form.
std::string keyIdOf(const PublicKey& key);

}  // namespace slipway::pki
