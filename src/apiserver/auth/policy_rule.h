#pragma once

#include <vector>

#include "apiserver/auth/user.h"
#include "json/json.h"

namespace slipway::apiserver {

/// The `rules` of a Role or ClusterRole.
std::vector<PolicyRule> readRules(const json::object& role);
json::array writeRules(const std::vector<PolicyRule>& rules);

/// RBAC's rule semantics: "*", "*/subresource", path prefixes that end in '*'.
bool allows(const PolicyRule& rule, const Attributes& what);

/// The parts of `wanted` that `owned` does not allow; empty when whoever has `owned` may grant all of `wanted`.
std::vector<PolicyRule> notCovered(const std::vector<PolicyRule>& owned, const std::vector<PolicyRule>& wanted);

/// As messages about escalation show it: {APIGroups:[""], Resources:["pods"], Verbs:["get"]}.
std::string describe(const PolicyRule& rule);

}  // namespace slipway::apiserver
