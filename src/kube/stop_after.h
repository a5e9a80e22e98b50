#pragma once

#include "async/task_group.h"

namespace slipway::kube {

/// Awaits `wait` (a plain wait: TaskGroup::join(), Event::wait()), then cancels the group's tasks and waits for them,
/// also when the caller was cancelled meanwhile, which then unwinds. For services whose tasks refer to their members.
Task<void> stopAfter(Task<void> wait, async::TaskGroup& group);

}  // namespace slipway::kube
