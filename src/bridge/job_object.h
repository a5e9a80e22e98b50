#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "bridge/job_states.h"
#include "bridge/options.h"
#include "kube/resource.h"

namespace slipway::bridge {

struct JobContext {
  std::string cluster;
  const MirrorOptions& options;
  /// The Node that stands for a job's host; "" when there is none: that host is left out.
  std::function<std::string(const std::string& slurm_node, const std::string& partition)> node_of;
};

/// One Pod for each allocated node of a job, whole with status; one gated Pod while it waits; none when the job is not
/// to be shown. Ranks count from 0 in the order of Slurm. Names are valid whatever the job is called.
std::vector<kube::Object> podsOf(const site::v1::Job& job, const JobContext& context);

/// The namespace of the template: a valid label, whatever the account is called.
std::string mirrorNamespace(const site::v1::Job& job, const JobContext& context);

/// Drops what the mirror never compares, before an informer keeps it: twenty thousand of them must fit.
void trimMirrorPod(kube::Object& pod);

/// True for Pods that say they were made by the mirror; JobMirror::shows() knows.
bool isMirrorPod(const kube::Object& pod);

}  // namespace slipway::bridge
