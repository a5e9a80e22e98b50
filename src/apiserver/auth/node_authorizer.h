#pragma once

#include "apiserver/auth/policy_rule.h"
#include "apiserver/store/store.h"

namespace slipway::apiserver {

/// What a kubelet may do: users "system:node:<name>" of the group system:nodes. Objects that pods use are theirs to
/// read only while a pod bound to that node uses them. Loop thread only.
class NodeAuthorizer {
 public:
  explicit NodeAuthorizer(Store& store) : store_(store) {}

  Decision authorize(const User& user, const Attributes& what) const;

 private:
  Decision authorizeRelated(const std::string& node, const Attributes& what) const;
  Decision authorizePod(const std::string& node, const Attributes& what) const;
  Decision authorizeToken(const std::string& node, const Attributes& what) const;
  /// Whether a pod on the node satisfies the question.
  bool anyPod(const std::string& node, const std::string& ns,
              const std::function<bool(const json::object&)>& uses) const;

  Store& store_;
};

/// The node that the user is, or "".
std::string nodeOf(const User& user);

}  // namespace slipway::apiserver
