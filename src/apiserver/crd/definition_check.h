#pragma once

#include <vector>

#include "apiserver/api/status_error.h"
#include "apiserver/api/strategy.h"
#include "json/json.h"

namespace slipway::apiserver {

/// What is wrong with a CustomResourceDefinition, in the words of kube-apiserver; `old` is null for a create. What is
/// not built yet (CEL, conversion by webhook) is refused by name, never ignored.
std::vector<Cause> checkDefinition(const json::object& definition, const json::object* old);

/// Holds a definition whose deletion has begun until its objects are gone.
inline constexpr const char* kCleanUpFinalizer = "customresourcecleanup.apiextensions.k8s.io";

/// Makes the registry ask checkDefinition().
void addDefinitionStrategy(Strategies& strategies);

}  // namespace slipway::apiserver
