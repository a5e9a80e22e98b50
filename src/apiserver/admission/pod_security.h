#pragma once

#include <chrono>

#include "apiserver/admission/chain.h"
#include "apiserver/admission/pod_security_policy.h"
#include "async/task.h"
#include "base/clock.h"

namespace slipway::apiserver::pod_security {

/// How much of a namespace is looked at when its policy changes: as much as upstream looks at.
struct PodCheckLimits {
  size_t pods = 3000;
  std::chrono::nanoseconds time = std::chrono::seconds(1);
};

/// What is to be said of the pods of a namespace that do not meet the standard that it enforces from now on: a line for
/// each set of violations. Where there are more pods than may be checked, one of each controller comes first. Lets
/// others run between some pods.
Task<std::vector<std::string>> warningsOfPods(Store& store, const Clock& clock, std::string ns, LevelVersion standard,
                                              PodCheckLimits limits = {});

}  // namespace slipway::apiserver::pod_security
