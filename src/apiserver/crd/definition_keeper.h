#pragma once

#include <map>
#include <set>
#include <string>

#include "apiserver/api/registry.h"
#include "schema/schema.h"

namespace slipway::apiserver {

/// Serves what CustomResourceDefinitions define: checks their names, says so in their status, adds and removes their
/// kinds, and on deletion removes all their objects first.
///
/// serveAll() before the first request; run() on the loop until cancelled.
class DefinitionKeeper {
 public:
  DefinitionKeeper(Registry& registry, const schema::Schema& builtin) : registry_(registry), builtin_(builtin) {}

  /// Every definition that is established already.
  void serveAll();
  Task<void> run();

 private:
  Task<void> reconcile(std::string name);
  Task<void> establish(std::string name, const json::object& definition);
  Task<void> cleanUp(std::string name, const json::object& definition);
  void serve(const std::string& name, const json::object& definition);
  void withdraw(const std::string& name);

  Registry& registry_;
  const schema::Schema& builtin_;
  std::map<std::string, std::string> served_;  ///< name → resourceVersion that is served
};

}  // namespace slipway::apiserver
