#pragma once

#include "proto/site.pb.h"

namespace slipway::pod {

/// Takes out of a plan what comes from Secrets: the contents of secret volumes, variables and words of containers,
/// credentials of registries. What is left may lie on a disk; secrets_apart says that something is missing in it.
site::v1::PodSecrets takeSecrets(site::v1::PodPlan& plan);

/// The way back. The secrets may be newer than the plan: variables that they have no more go, new ones come.
void putSecrets(site::v1::PodPlan& plan, const site::v1::PodSecrets& secrets);

}  // namespace slipway::pod
