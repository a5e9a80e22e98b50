#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace slipway::apiserver {

/// Who makes a request, as authentication (or impersonation) found.
struct User {
  std::string name;
  std::string uid;
  std::vector<std::string> groups;
  std::map<std::string, std::vector<std::string>> extra;

  bool in(std::string_view group) const {
    for (const std::string& mine : groups) {
      if (mine == group) return true;
    }
    return false;
  }
};

inline constexpr std::string_view kMasters = "system:masters";
inline constexpr std::string_view kAuthenticated = "system:authenticated";
inline constexpr std::string_view kUnauthenticated = "system:unauthenticated";
inline constexpr std::string_view kAnonymous = "system:anonymous";
inline constexpr std::string_view kNodesGroup = "system:nodes";
inline constexpr std::string_view kNodeUserPrefix = "system:node:";
inline constexpr std::string_view kServiceAccountPrefix = "system:serviceaccount:";

/// "system:serviceaccount:<namespace>:<name>".
inline std::string serviceAccountUser(std::string_view ns, std::string_view name) {
  return std::string(kServiceAccountPrefix) + std::string(ns) + ":" + std::string(name);
}

/// The groups that every service account of the namespace has.
inline std::vector<std::string> serviceAccountGroups(std::string_view ns) {
  return {"system:serviceaccounts", "system:serviceaccounts:" + std::string(ns), std::string(kAuthenticated)};
}

/// What a user wants to do; of authorizer.Attributes.
struct Attributes {
  std::string verb;
  bool is_resource = true;
  std::string group;
  std::string version;
  std::string resource;
  std::string subresource;
  std::string ns;
  std::string name;
  std::string path;            ///< when not about a resource
  std::string field_selector;  ///< of a list or a watch
};

/// Whether the user may. Nobody says "deny" here: what nobody allows is refused.
struct Decision {
  bool allowed = false;
  std::string reason;
};

/// One rule of a role.
struct PolicyRule {
  std::vector<std::string> verbs;
  std::vector<std::string> groups;
  std::vector<std::string> resources;
  std::vector<std::string> names;
  std::vector<std::string> paths;
};

}  // namespace slipway::apiserver
