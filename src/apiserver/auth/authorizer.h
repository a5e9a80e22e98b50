#pragma once

#include "apiserver/auth/node_authorizer.h"
#include "apiserver/auth/rbac.h"

namespace slipway::apiserver {

/// May this user do that? system:masters may everything; then the node authorizer; then RBAC. Loop thread only.
class Authorizer {
 public:
  explicit Authorizer(Store& store) : nodes_(store), rbac_(store) {}

  Decision authorize(const User& user, const Attributes& what) {
    if (user.in(kMasters)) return {true, {}};
    const Decision node = nodes_.authorize(user, what);
    if (node.allowed) return node;
    Decision decision = rbac_.authorize(user, what);
    if (!decision.allowed) decision.reason = node.reason;
    return decision;
  }
  Rbac& rbac() { return rbac_; }

 private:
  NodeAuthorizer nodes_;
  Rbac rbac_;
};

/// The sentence of a refusal: User "jane" cannot list resource "pods" in API group "" in the namespace "default".
std::string refusalText(const User& user, const Attributes& what, std::string_view reason);

}  // namespace slipway::apiserver
