#pragma once

#include "kube/resource.h"
#include "proto/site.pb.h"

namespace slipway::pod {

/// A probe or lifecycle handler with named ports resolved against the container's. Invalid names an unknown port.
Result<site::v1::Probe> buildProbe(const kube::Object& probe, const kube::Object& container);
Result<site::v1::Handler> buildHandler(const kube::Object& handler, const kube::Object& container);

}  // namespace slipway::pod
