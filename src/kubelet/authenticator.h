#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/clock.h"
#include "http/message.h"
#include "kube/client.h"
#include "net/stream.h"

namespace slipway::kubelet {

struct User {
  std::string name;
  std::string uid;
  std::vector<std::string> groups;
  kube::Object extra;  ///< lists of strings by name
};

/// What is asked for: a verb on nodes/<name>/<subresource>. Any of the subresources is enough, tried in order: the
/// newer, narrow ones first.
struct Access {
  std::string verb;
  std::string node;
  std::vector<std::string> subresources;
};

/// Who is calling, and may they.
class Authenticator {
 public:
  virtual ~Authenticator() = default;
  /// Unauthorized when nobody is known by these credentials; ServiceUnavailable when it cannot be found out.
  virtual Task<Result<User>> authenticate(const http::Request& request, const net::Peer& peer) = 0;
  /// Forbidden, in kubelet's words, when not allowed.
  virtual Task<Status> authorize(User user, Access access) = 0;
};

/// Asks the API server: client certificates were verified by TLS already, bearer tokens go to TokenReview, permissions
/// to SubjectAccessReview. Answers are kept: tokens 2 min, permissions 5 min, refusals 30 s; failures to ask are not.
/// Runs on one loop. An unreachable API server refuses nobody for good: the caller gets a 503.
class KubeAuthenticator final : public Authenticator {
 public:
  KubeAuthenticator(kube::Client& client, const Clock& clock) : client_(client), clock_(clock) {}

  Task<Result<User>> authenticate(const http::Request& request, const net::Peer& peer) override;
  Task<Status> authorize(User user, Access access) override;

 private:
  template <typename T>
  struct Kept {
    T value;
    SteadyTime until;
  };
  template <typename T>
  using Cache = std::map<std::string, Kept<T>>;

  Task<Result<User>> review(std::string token);
  Task<Result<bool>> mayUse(User user, std::string verb, std::string node, std::string subresource);

  kube::Client& client_;
  const Clock& clock_;
  Cache<std::optional<User>> tokens_;
  Cache<bool> permissions_;
};

}  // namespace slipway::kubelet
