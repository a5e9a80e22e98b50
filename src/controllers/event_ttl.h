#pragma once

#include "base/clock.h"
#include "kube/client.h"

namespace slipway::controllers {

struct EventTtlOptions {
  std::chrono::seconds ttl = std::chrono::hours(1);
  std::chrono::nanoseconds interval = std::chrono::minutes(5);
};

/// Deletes events that nobody has written to for an hour. A server that keeps such a limit itself leaves nothing to do.
///
/// No informer: events are many and nobody needs them before they are old, so they are listed now and then, a page at a
/// time. Life cycle: run() until cancelled.
class EventTtl {
 public:
  EventTtl(kube::Client& client, const Clock& clock, EventTtlOptions options = {});
  Task<void> run();
  /// One pass; how many were deleted.
  Task<Result<size_t>> sweep();

 private:
  kube::Client& client_;
  const Clock& clock_;
  EventTtlOptions options_;
};

}  // namespace slipway::controllers
