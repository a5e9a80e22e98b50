#pragma once

#include <map>
#include <set>
#include <string>

#include "apiserver/api/registry.h"

namespace slipway::apiserver {

/// What the API server itself does for namespaces: each active one has a service account "default" and a ConfigMap with
/// the root certificate; one that is being deleted is emptied and then let go.
///
/// Runs on the loop until cancelled; goes by the tables' changes and looks again each second while a namespace is being
/// emptied.
class NamespaceKeeper {
 public:
  NamespaceKeeper(Registry& registry, std::string root_certificate);

  Task<void> run();

 private:
  void collect();
  Task<void> reconcile(std::string name);
  Task<void> furnish(std::string name);
  Task<bool> empty(std::string name);
  Task<void> letGo(std::string name);

  Registry& registry_;
  std::string root_certificate_;
  std::map<std::string, int64_t> seen_;  ///< table → revision up to which its changes were looked at
  std::set<std::string> dirty_;
  std::set<std::string> emptying_;
};

}  // namespace slipway::apiserver
