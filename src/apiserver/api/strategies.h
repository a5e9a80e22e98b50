#pragma once

#include "apiserver/api/strategy.h"

namespace slipway::apiserver {

/// Pods, namespaces, nodes, services, volumes, ...
void addCoreStrategies(Strategies& strategies);
/// The QoS class of a pod, from its resources.
std::string qosClassOf(const json::object& pod);

}  // namespace slipway::apiserver
