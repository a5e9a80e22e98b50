#pragma once

#include <string>
#include <vector>

#include "base/clock.h"
#include "kube/resource.h"
#include "pki/request.h"

namespace slipway::controllers {

inline constexpr std::string_view kClientSigner = "kubernetes.io/kube-apiserver-client";
inline constexpr std::string_view kKubeletClientSigner = "kubernetes.io/kube-apiserver-client-kubelet";
inline constexpr std::string_view kKubeletServingSigner = "kubernetes.io/kubelet-serving";

/// What a CertificateSigningRequest asks for.
struct CsrFacts {
  std::string signer;
  std::string user;  ///< who made it, as the server saw it
  std::vector<std::string> groups;
  std::vector<std::string> usages;  ///< sorted
  pki::CertificateRequest request;

  static Result<CsrFacts> of(const kube::Object& csr);
};

/// What is to become of a request that nobody has decided on.
enum class CsrVerdict {
  LeaveToPeople,
  Approve,
  ApproveIfMayBeNodeClient,    ///< a new node's first certificate: its bootstrap identity must be allowed to ask
  ApproveIfAddressesAreNodes,  ///< a node's serving certificate: for its own addresses only
};
/// `trusted` are users whose kubelet certificates need no further question: the controller that serves virtual nodes.
CsrVerdict judge(const CsrFacts& facts, const std::vector<std::string>& trusted);

/// Whether the signer's own rules (Kubernetes documentation, "Kubernetes signers") allow the request; else Invalid.
Status checkSignerRules(const CsrFacts& facts);
/// Whether every name and address that is asked for is one of the Node's status.addresses; else Forbidden.
Status checkNodeAddresses(const CsrFacts& facts, const kube::Object& node);

/// The condition of that type, or null.
const kube::Object* csrCondition(const kube::Object& csr, std::string_view type);
/// When a CertificateSigningRequest has no more use: an hour after it was decided on, a day after it was made.
WallTime csrEnd(const kube::Object& csr);

}  // namespace slipway::controllers
