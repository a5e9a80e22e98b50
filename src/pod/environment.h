#pragma once

#include <map>
#include <string>
#include <vector>

#include "pod/references.h"

namespace slipway::pod {

using Variables = std::map<std::string, std::string>;

/// The environment of a container in the order of its definition, each name once, values expanded; what only the job
/// knows stands as "$(FIELD)". NotFound: a ConfigMap, Secret or key that is not optional is missing.
Task<Result<Variables>> buildEnvironment(const kube::Object& pod, const kube::Object& container,
                                         const Variables& services, const kube::Object& node, References& references);

/// Variables for the Services that have a cluster IP, as docker links had them (enableServiceLinks).
Variables serviceVariables(const std::vector<kube::Object>& services);

}  // namespace slipway::pod
