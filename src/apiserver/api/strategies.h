#pragma once

#include "apiserver/api/strategy.h"

namespace slipway::apiserver {

/// Pods, namespaces, nodes, services, volumes, ...
void addCoreStrategies(Strategies& strategies);

}  // namespace slipway::apiserver
