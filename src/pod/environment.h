#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "pod/references.h"

namespace slipway::pod {

using Variables = std::map<std::string, std::string>;

/// The environment of a container, each name once.
struct Environment {
  Variables values;                                ///< expanded; what only the job knows stands as "$(FIELD)"
  std::set<std::string> secret;                    ///< names whose values come from a Secret, whole or in part
  std::map<std::string, site::v1::FileKey> files;  ///< fileKeyRef: what only a running container's volumes know
};

/// NotFound: a ConfigMap, Secret or key that is not optional is missing.
Task<Result<Environment>> buildEnvironment(const kube::Object& pod, const kube::Object& container,
                                           const Variables& services, const kube::Object& node, References& references);

/// Variables for the Services that have a cluster IP, as docker links had them (enableServiceLinks).
Variables serviceVariables(const std::vector<kube::Object>& services);

}  // namespace slipway::pod
