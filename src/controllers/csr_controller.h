#pragma once

#include <string>
#include <vector>

#include "base/clock.h"
#include "controllers/csr_rules.h"
#include "controllers/keyed_loop.h"

namespace slipway::controllers {

struct CsrOptions {
  pki::Identity ca;                  ///< signs; empty: nothing is signed
  std::vector<std::string> trusted;  ///< users whose kubelet certificates are approved without further question
  std::chrono::seconds longest = std::chrono::hours(24 * 365);
};

/// CertificateSigningRequests: approves those of nodes by rule (csr_rules.h), signs what is approved for the signers
/// kube-apiserver-client, kube-apiserver-client-kubelet and kubelet-serving, and clears away what is old.
///
/// An approved request that breaks its signer's rules gets the condition Failed. Requests for other signers are left
/// alone. Life cycle: run() until cancelled.
class CsrController {
 public:
  CsrController(Executor executor, kube::Client& client, Random& random, const Clock& clock, CsrOptions options);
  Task<void> run();

 private:
  Task<Result<Outcome>> reconcile(std::string name);
  Task<Result<Outcome>> decide(kube::ObjectPtr csr);
  Task<Result<Outcome>> sign(kube::ObjectPtr csr);
  Task<Result<Outcome>> approve(kube::ObjectPtr csr, std::string message);
  Task<Result<bool>> mayBeNodeClient(kube::ObjectPtr csr);
  Task<Result<bool>> addressesAreNodes(CsrFacts facts);
  Result<std::string> issue(const kube::Object& csr) const;
  kube::Object condition(std::string_view type, std::string_view reason, std::string message) const;
  Outcome waitForEnd(const kube::Object& csr) const;

  Executor executor_;
  kube::Client& client_;
  const Clock& clock_;
  CsrOptions options_;
  kube::Informer requests_;
  KeyedLoop loop_;
};

}  // namespace slipway::controllers
