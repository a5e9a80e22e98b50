#pragma once

#include "async/task.h"

namespace slipway::async {

/// Runs the task to its end out of reach of the caller's cancellation, also when the caller was cancelled before. The
/// caller unwinds at its next co_await. For the last steps of a clean ending, each of which has a deadline of its own.
Task<void> uninterrupted(Task<void> task);

}  // namespace slipway::async
