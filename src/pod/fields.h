#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "kube/resource.h"

namespace slipway::pod {

/// The value of a fieldRef. Those that only the job knows (status.podIP, podIPs, hostIP, hostIPs) come as "$(FIELD)",
/// which the supervisor replaces (site.v1.EnvVar.field). Invalid for a path that Kubernetes does not have.
Result<std::string> fieldValue(const kube::Object& pod, std::string_view path);
/// True for a field that only the job knows.
bool isJobField(std::string_view path);
/// Names of job fields that occur as "$(FIELD)" in the text, joined by ','; "" if none.
std::string jobFieldsIn(std::string_view text);

/// The value of a resourceFieldRef, by Kubernetes' rules: divided by the divisor and rounded up; a missing limit is the
/// node's allocatable. `container` is where the reference stands (its containerName wins).
Result<std::string> resourceFieldValue(const kube::Object& pod, const kube::Object& reference,
                                       std::string_view container, const kube::Object& node);

/// The pull policy as it was asked for, or what Kubernetes takes for this image: Always for the tag latest.
std::string pullPolicyOf(std::string_view asked, std::string_view image);

/// A container or init container of the pod by name; null if there is none.
const kube::Object* findContainer(const kube::Object& pod, std::string_view name);

}  // namespace slipway::pod
