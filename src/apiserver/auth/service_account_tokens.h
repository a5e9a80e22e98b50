#pragma once

#include <optional>
#include <string>
#include <vector>

#include "apiserver/auth/user.h"
#include "apiserver/store/store.h"
#include "base/clock.h"
#include "base/random.h"
#include "json/json.h"
#include "pki/jwt.h"

namespace slipway::apiserver {

/// What a token is good for, beside its service account.
struct TokenWish {
  std::string ns;
  std::string account;
  std::string account_uid;
  std::vector<std::string> audiences;  ///< empty: the API server itself
  int64_t seconds = 3600;
  std::string bound_kind;  ///< "Pod", "Secret", "Node" or ""
  std::string bound_name;
  std::string bound_uid;
  std::string node_name;  ///< of the pod
  std::string node_uid;
};

struct IssuedToken {
  std::string token;
  WallTime expires;
};

/// A caller that a token stands for, and the audiences that it is meant for among those asked about.
struct TokenOwner {
  User user;
  std::vector<std::string> audiences;
};

/// Signs and checks the tokens of service accounts: JWTs bound to the account, and perhaps to a pod, secret or node,
/// that die with what they are bound to. Loop thread only.
class ServiceAccountTokens {
 public:
  ServiceAccountTokens(pki::PrivateKey key, std::string issuer, Store& store, const Clock& clock, Random& random);

  Result<IssuedToken> issue(const TokenWish& wish);
  /// A token without end, which a Secret of type kubernetes.io/service-account-token holds: good as long as the Secret
  /// is there and holds it.
  Result<std::string> issueForSecret(const TokenWish& wish);
  /// Unauthorized says why. Empty `audiences`: the API server's own.
  Result<TokenOwner> verify(const std::string& token, const std::vector<std::string>& audiences);

  const std::string& issuer() const { return issuer_; }
  /// The document behind /openid/v1/jwks.
  Result<json::object> keySet() const;

 private:
  Result<TokenOwner> verifyOfSecret(const json::object& claims, const std::string& token,
                                    const std::vector<std::string>& audiences) const;
  Status checkAlive(const json::object& bound) const;
  Status checkObject(const std::string& table, const std::string& key, std::string_view uid) const;

  pki::PrivateKey key_;
  std::string key_id_;
  std::string issuer_;
  Store& store_;
  const Clock& clock_;
  Random& random_;
};

}  // namespace slipway::apiserver
