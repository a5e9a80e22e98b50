#include "container/runtime.h"

namespace slipway::container {

PullPolicy parsePullPolicy(std::string_view text) {
  if (text == "Always") return PullPolicy::Always;
  if (text == "Never") return PullPolicy::Never;
  return PullPolicy::IfNotPresent;
}

}  // namespace slipway::container
