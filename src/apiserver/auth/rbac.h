#pragma once

#include <functional>
#include <map>
#include <string>
#include <unordered_map>
#include <vector>

#include "apiserver/auth/policy_rule.h"
#include "apiserver/store/store.h"

namespace slipway::apiserver {

/// Role-based access control over the roles and bindings in the store. What it reads is indexed by subject and made
/// anew when one of the four tables has changed. Loop thread only.
class Rbac {
 public:
  explicit Rbac(Store& store) : store_(store) {}

  Decision authorize(const User& user, const Attributes& what);
  /// All rules that hold for the user in the namespace ("": cluster-wide ones only).
  std::vector<PolicyRule> rulesFor(const User& user, const std::string& ns);
  /// The rules of a role that a binding refers to; nothing when there is no such role.
  std::optional<std::vector<PolicyRule>> rulesOf(const std::string& kind, const std::string& name,
                                                 const std::string& ns);

 private:
  struct Grant {
    std::string ns;  ///< where it holds; "" everywhere
    std::shared_ptr<const std::vector<PolicyRule>> rules;
    std::string why;
  };
  using Grants = std::vector<Grant>;

  void refresh();
  void addBindings(const std::string& table, bool cluster);
  void visit(const User& user, const std::string& ns, const std::function<bool(const Grant&)>& visitor);
  std::shared_ptr<const std::vector<PolicyRule>> findRole(const std::string& kind, const std::string& name,
                                                          const std::string& ns);

  Store& store_;
  uint64_t seen_ = 0;
  std::unordered_map<std::string, std::shared_ptr<const std::vector<PolicyRule>>> roles_;
  std::unordered_map<std::string, Grants> users_;
  std::unordered_map<std::string, Grants> groups_;
};

}  // namespace slipway::apiserver
