#pragma once

#include <string>

#include "base/clock.h"
#include "controllers/keyed_loop.h"

namespace slipway::controllers {

/// Deletes bootstrap tokens whose time is over: Secrets in kube-system of type bootstrap.kubernetes.io/token with an
/// "expiration" in the past. One whose expiration cannot be read is over, as for the server.
/// Life cycle: run() until cancelled.
class TokenCleaner {
 public:
  TokenCleaner(Executor executor, kube::Client& client, Random& random, const Clock& clock);
  Task<void> run();

 private:
  Task<Result<Outcome>> reconcile(std::string key);

  Executor executor_;
  kube::Client& client_;
  const Clock& clock_;
  kube::Informer tokens_;
  KeyedLoop loop_;
};

}  // namespace slipway::controllers
