#pragma once

#include <string>
#include <vector>

#include "base/clock.h"
#include "kube/resource.h"
#include "proto/site.pb.h"

namespace slipway::pod {

/// What the virtual node adds to a pod's status.
struct NodeFacts {
  std::string host_ip;             ///< the Node's InternalIP; empty: not shown
  std::string pod_ip;              ///< used when the report has none; empty: not shown
  bool observe_generation = true;  ///< false for API servers that do not know the field
};

/// The whole PodStatus as a kubelet computes it: phase, conditions (transition times are those of the pod's old status
/// where nothing changed), container statuses, IPs, startTime, qosClass, reason and message.
/// A terminal phase of the old status is never left. The result equals the old status when nothing changed.
kube::Object podStatus(const kube::Object& pod, const site::v1::PodReport& report, const NodeFacts& facts,
                       WallTime now);

/// "Guaranteed", "Burstable" or "BestEffort", by the rule of Kubernetes.
std::string qosClass(const kube::Object& pod);

}  // namespace slipway::pod
