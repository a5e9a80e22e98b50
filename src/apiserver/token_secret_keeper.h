#pragma once

#include <set>
#include <string>

#include "apiserver/api/registry.h"
#include "apiserver/auth/service_account_tokens.h"

namespace slipway::apiserver {

/// Fills Secrets of type kubernetes.io/service-account-token, which people make for programs outside the cluster: a
/// token without end, the root certificate, the namespace. One whose account is not there, or is another one by now, is
/// deleted.
///
/// Runs on the loop until cancelled, by the changes of Secrets and service accounts.
class TokenSecretKeeper {
 public:
  TokenSecretKeeper(Registry& registry, ServiceAccountTokens& tokens, std::string root_certificate);

  Task<void> run();

 private:
  void collect();
  Task<void> reconcile(std::string key);
  Task<void> fill(std::string ns, std::string name, TokenWish wish);

  Registry& registry_;
  ServiceAccountTokens& tokens_;
  std::string root_certificate_;
  int64_t seen_secrets_ = 0;  ///< revisions up to which changes were looked at
  int64_t seen_accounts_ = 0;
  std::set<std::string> keys_;   ///< of all such Secrets
  std::set<std::string> dirty_;  ///< of them, to be looked at
};

}  // namespace slipway::apiserver
