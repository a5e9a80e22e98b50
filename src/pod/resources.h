#pragma once

#include <map>
#include <string>
#include <string_view>

#include "base/result.h"
#include "kube/resource.h"
#include "proto/site.pb.h"

namespace slipway::pod {

/// A quantity under a key, which JSON may hold as a string or a number; "" if there is none.
std::string quantityText(const kube::Object& list, std::string_view key);
/// A quantity in thousandths, rounded up. Memory fits: 2^63/1000 is 8 PiB.
Result<int64_t> milliValue(std::string_view quantity);

/// What the whole pod takes, in thousandths: sidecars and containers together, or the largest init container with the
/// sidecars that were started before it, whichever is more; and the overhead.
Result<std::map<std::string, int64_t>> podResources(const kube::Object& pod, std::string_view list);

/// Requests (and limits of memory, which Slurm enforces) → cpus_per_task, memory_mib and gres. `node` bounds a memory
/// limit by what the node has; it may be empty.
Status applyResources(const kube::Object& pod, const kube::Object& node, site::v1::SlurmOptions& options);

}  // namespace slipway::pod
