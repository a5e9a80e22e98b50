#pragma once

#include <vector>

#include "pod/references.h"

namespace slipway::pod {

/// A volume of the pod as the job sees it, with all contents.
struct ResolvedVolume {
  site::v1::Volume volume;
  bool read_only = false;  ///< of a claim or source that is mounted read-only whatever the container says
};

/// All volumes of a pod. Invalid: a kind that cannot work here, or a path that leaves its volume. NotFound: an object
/// or key that is not optional. ServiceUnavailable: a claim that is not bound yet.
Task<Result<std::vector<ResolvedVolume>>> resolveVolumes(const kube::Object& pod, References& references,
                                                         const PlanOptions& options);

/// HostPath.type of a directory that an NFS volume names is this and the server: the node looks for its mount.
inline constexpr std::string_view kNfsType = "nfs:";

/// A relative path without "..", as Kubernetes wants it in a volume.
bool staysInside(std::string_view path);

}  // namespace slipway::pod
