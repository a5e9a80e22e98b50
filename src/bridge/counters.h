#pragma once

#include <cstdint>
#include <string>

namespace slipway::bridge {

/// What the bridge did since it started; for /metrics.
struct Counters {
  uint64_t nodes_written = 0;
  uint64_t nodes_deleted = 0;
  uint64_t mirror_pods_created = 0;
  uint64_t mirror_pods_patched = 0;
  uint64_t mirror_pods_deleted = 0;
  uint64_t submits = 0;
  uint64_t submits_refused = 0;
  uint64_t cancels = 0;
  uint64_t pod_status_written = 0;
  uint64_t reconcile_errors = 0;
  uint64_t reports = 0;
  uint64_t volume_updates = 0;
};

}  // namespace slipway::bridge
