#pragma once

#include "apiserver/api/strategy.h"

namespace slipway::apiserver {

/// Pods, namespaces, nodes, services, volumes, ...
void addCoreStrategies(Strategies& strategies);
/// What this server does not do yet is refused by field and name, never stored and ignored.
void addRefusals(Strategies& strategies);

}  // namespace slipway::apiserver
