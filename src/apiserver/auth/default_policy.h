#pragma once

#include <string>
#include <vector>

#include "json/json.h"

namespace slipway::apiserver {

/// The ClusterRoles and ClusterRoleBindings that every cluster is born with, aggregated ones filled in, and the Roles
/// and RoleBindings of kube-system and kube-public.
std::vector<json::object> defaultPolicy();

}  // namespace slipway::apiserver
