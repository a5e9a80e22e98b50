#pragma once

#include "async/task_group.h"

namespace slipway::tunnel {

/// Runs `body` to its end and then `cleanup` to its end, each as a task of its own.
///
/// The body is cancelled when the caller is. The cleanup always runs, whole, and is not cancelled: what it waits for
/// needs deadlines of its own. A caller that was cancelled unwinds after that, not before; one that was not can be
/// cancelled later as ever.
Task<void> guarded(Task<void> body, Task<void> cleanup);
/// The cleanup stops what the group runs.
Task<void> guarded(Task<void> body, async::TaskGroup& group);

}  // namespace slipway::tunnel
