#pragma once

#include <string>

#include "async/task.h"

namespace slipway::kubelet {

/// Runs both until one of them ended, then cancels the other; returns when both have unwound, also when the caller is
/// cancelled. So they may refer to what the caller owns.
Task<void> firstOf(std::string name, Task<void> a, Task<void> b);

}  // namespace slipway::kubelet
