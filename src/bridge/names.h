#pragma once

#include <string_view>

/// Labels, annotations and conditions that the bridge writes. Part of the contract with users: see
/// docs/configuration.md.
namespace slipway::bridge {

namespace label {
inline constexpr std::string_view kCluster = "slipway.dev/cluster";
inline constexpr std::string_view kPartitionPrefix = "slipway.dev/partition.";
inline constexpr std::string_view kFeaturePrefix = "slipway.dev/feature.";
inline constexpr std::string_view kJobId = "slipway.dev/job-id";  ///< only on mirrored pods: it is what marks them
inline constexpr std::string_view kNodeRank = "slipway.dev/node-rank";
}  // namespace label

namespace annotation {
inline constexpr std::string_view kSlurmNode = "slipway.dev/slurm-node";        ///< a Node's name in Slurm
inline constexpr std::string_view kCordoned = "slipway.dev/cordoned-by-slurm";  ///< we cordoned it, so we uncordon it
inline constexpr std::string_view kJobId = "slipway.dev/job-id";                ///< for people; never read
inline constexpr std::string_view kAttempt = "slipway.dev/attempt";
}  // namespace annotation

inline constexpr std::string_view kTaintKey = "slipway.dev/slurm";
inline constexpr std::string_view kPendingGate = "slipway.dev/pending";
inline constexpr std::string_view kSchedulerName = "slipway";
inline constexpr std::string_view kSlurmReachable = "SlurmReachable";  ///< a condition of Nodes
inline constexpr std::string_view kSubmittedCondition = "slipway.dev/Submitted";

}  // namespace slipway::bridge
