#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/clock.h"
#include "kube/resource.h"

namespace slipway::controllers {

/// What one attempt at emptying a namespace came to.
struct NamespaceContent {
  std::map<std::string, int64_t> resources;   ///< objects left, by "pods." or "deployments.apps"
  std::map<std::string, int64_t> finalizers;  ///< objects left that have the finalizer
  std::vector<std::string> discovery_errors;
  std::vector<std::string> delete_errors;

  bool empty() const { return resources.empty() && discovery_errors.empty() && delete_errors.empty(); }
};

/// Writes the five conditions of a namespace that is deleted, in kube-controller-manager's words, into its status.
/// False if they say so already.
bool setNamespaceConditions(kube::Object& object, const NamespaceContent& content, WallTime now);

}  // namespace slipway::controllers
