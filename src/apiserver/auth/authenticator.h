#pragma once

#include <optional>
#include <string>

#include "apiserver/auth/service_account_tokens.h"
#include "apiserver/auth/user.h"
#include "http/message.h"
#include "net/stream.h"

namespace slipway::apiserver {

/// Finds out who calls: client certificate, service account token or bootstrap token. Loop thread only.
class Authenticator {
 public:
  Authenticator(Store& store, ServiceAccountTokens& tokens, const Clock& clock)
      : store_(store), tokens_(tokens), clock_(clock) {}

  /// Nobody when there are no credentials; Unauthorized when they are wrong.
  Result<std::optional<User>> authenticate(const net::Peer& peer, const http::Headers& headers);
  /// One token, for TokenReview.
  Result<TokenOwner> authenticateToken(const std::string& token, const std::vector<std::string>& audiences);

 private:
  Result<User> bootstrapUser(std::string_view token) const;

  Store& store_;
  ServiceAccountTokens& tokens_;
  const Clock& clock_;
};

}  // namespace slipway::apiserver
