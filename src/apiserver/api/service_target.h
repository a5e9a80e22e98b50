#pragma once

#include <string>

#include "apiserver/api/registry.h"

namespace slipway::apiserver {

/// Where a request to a Service goes.
struct ServiceTarget {
  std::string address;
  uint16_t port = 0;
};

/// One of the Service's ready endpoints, by its EndpointSlices or, without any, its Endpoints. `port` is a port's name
/// or number in the Service; "" takes the only one. 503 in kube-apiserver's words when there is none.
Answer<ServiceTarget> findServiceTarget(Registry& registry, const json::object& service, const std::string& port);

}  // namespace slipway::apiserver
