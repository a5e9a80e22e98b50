#pragma once

#include <optional>
#include <string>
#include <vector>

#include "kubelet/backend.h"

namespace slipway::kubelet {

/// The text of /metrics/resource. Without node stats, or when `failed`, the scrape is marked as an error.
std::string resourceMetrics(const std::optional<NodeStats>& node, const std::vector<PodStats>& pods, bool failed);

/// Of all containers that are known; -1 if none is.
int64_t sumOf(const PodStats& pod, int64_t Usage::* figure);

}  // namespace slipway::kubelet
