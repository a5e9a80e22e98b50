#pragma once

#include <string>
#include <string_view>

#include "kube/resource.h"
#include "proto/site.pb.h"

namespace slipway::bridge {

/// True if everything in `wanted` is in `have`, deeply: fields that a server added count as no difference. Arrays must
/// have the same length. An empty object or a null in `wanted` means that the field may be missing.
bool covers(const kube::json::value& have, const kube::json::value& wanted);

/// The merge patch that makes `wanted` of `have`: fields that differ, and null for those that `wanted` lacks.
kube::Object mergeDiff(const kube::Object& have, const kube::Object& wanted);

/// "nvidia.com/gpu", "amd.com/gpu" or "slipway.dev/gres-<name>".
std::string resourceNameOf(const site::v1::Gres& gres);
/// Slurm's word for an architecture → Go's: "amd64".
std::string architectureOf(std::string_view slurm_arch);

}  // namespace slipway::bridge
