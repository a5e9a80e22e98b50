#pragma once

#include "apiserver/api/registry.h"

namespace slipway::apiserver {

/// The APIServices of the groups and versions that the server has from its birth. Their label says that they are made
/// at a start only: one that an administrator deletes is away until then, as on a real server.
std::vector<json::object> builtinApiServices(const Kinds& kinds);

/// Shows what CustomResourceDefinitions serve as APIServices, one for each group and version: makes them, puts changed
/// ones right and takes them away with the last definition. One without the label of such objects is somebody's own.
///
/// Runs on the loop until cancelled, by the changes of both tables.
class ApiServiceKeeper {
 public:
  explicit ApiServiceKeeper(Registry& registry) : registry_(registry) {}

  Task<void> run();

 private:
  Task<void> reconcile();
  std::map<std::string, json::object> wanted() const;
  Task<void> keep(std::string name, json::object service);
  Task<void> remove(std::string name);

  Registry& registry_;
};

}  // namespace slipway::apiserver
