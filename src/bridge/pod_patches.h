#pragma once

#include <string>

#include "base/clock.h"
#include "kube/resource.h"
#include "pod/status.h"
#include "proto/site.pb.h"

namespace slipway::bridge {

/// The attempt that the Pod is at: its annotation, or 0.
uint32_t attemptOf(const kube::Object& pod);

/// It has ended: what it is to run may not run any more.
bool isFinal(const kube::Object& pod);

/// The uid of the controller that makes another Pod as soon as this one has failed, and again, without end: any but a
/// Job, which counts. A kubelet lets what it cannot start wait in one Pod; so such a Pod stays Pending here. Empty:
/// none.
std::string_view replacerOf(const kube::Object& pod);

/// Its job is over and will not come back.
bool isOver(const site::v1::PodReport& report);

/// The part of the status that a report changes, as a merge patch; empty when nothing does. A refusal also sets the
/// condition slipway.dev/Submitted to False, and what comes after it to True.
kube::Object statusPatchOf(const kube::Object& pod, const site::v1::PodReport& report,
                           const slipway::pod::NodeFacts& node, WallTime now);

/// What to tell about a report whose job's fate is open (stage UNKNOWN, or a submission whose outcome is): what is
/// known, what Slipway does about it and what a person can do. Empty for all others.
std::string openFate(const site::v1::PodReport& report);

/// After a submission: the job's number for people. Empty when it is there.
kube::Object submittedPatch(const kube::Object& pod, uint32_t job_id);

/// Tolerations without an end for a Node that is not ready or not reachable (Kubernetes' default ends after 300 s):
/// when the agent is away the job runs on, and its Pod must not be evicted. Empty when they are there.
kube::Object outagePatch(const kube::Object& pod);

}  // namespace slipway::bridge
