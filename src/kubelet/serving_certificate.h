#pragma once

#include <functional>
#include <string>

#include "async/backoff.h"
#include "base/clock.h"
#include "kube/client.h"

namespace slipway::kubelet {

struct ServingCertificateOptions {
  std::string address;  ///< by which the API server dials us: it must be in the certificate
  /// Also approves its own requests, which needs the right to approve for the signer; else somebody else does.
  bool approve = false;
  std::chrono::nanoseconds look_every = std::chrono::seconds(5);  ///< whether it was signed, at first; then less often
  std::chrono::nanoseconds ask_again = std::chrono::hours(1);     ///< after a denial
};

/// The kubelet API's certificate from the cluster's signer `kubernetes.io/kubelet-serving`, for API servers with
/// --kubelet-certificate-authority.
///
/// One certificate serves all nodes. The API server dials every node at the same address and looks for that address in
/// the certificate, and for no name. The signer wants a subject "system:node:<name>" in the group system:nodes, but
/// does not ask for a Node of that name: ours is one that no Node has, and its usage is that of a server only, so that
/// nobody can act as a node with it.
///
/// Life cycle: run() until cancelled; gives each certificate to `use` and asks for the next when 80 % of its life are
/// over. Until the first one comes, and when it is denied, the caller's own certificate goes on serving. Keys stay in
/// memory: each start asks anew. Runs on one loop; borrows client, clock and random.
class ServingCertificate {
 public:
  using Use = std::function<Status(const std::string& certificate, const std::string& key)>;
  ServingCertificate(kube::Client& client, const Clock& clock, Random& random, ServingCertificateOptions options,
                     Use use)
      : client_(client), clock_(clock), random_(random), options_(std::move(options)), use_(std::move(use)) {}

  Task<void> run();

 private:
  Task<Result<std::chrono::nanoseconds>> obtain();
  Task<Result<std::string>> ask(std::string request);
  Task<Status> approve(kube::Object request);
  Task<Result<std::string>> waitSigned(std::string name);

  kube::Client& client_;
  const Clock& clock_;
  Random& random_;
  ServingCertificateOptions options_;
  Use use_;
};

}  // namespace slipway::kubelet
