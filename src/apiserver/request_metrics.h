#pragma once

#include <array>
#include <map>
#include <string>

#include "apiserver/api/api.h"

namespace slipway::apiserver {

/// Counts requests and their durations and writes them, with the figures of the store, in Prometheus' text form:
/// /metrics. Loop thread only.
class RequestMetrics {
 public:
  void note(const Call& call, int status, std::chrono::nanoseconds took);
  std::string text(const Store& store, const ResourceHandlers& handlers) const;

 private:
  static constexpr std::array<double, 8> kBounds{0.005, 0.025, 0.1, 0.25, 0.5, 1, 5, 30};
  struct Durations {
    std::array<uint64_t, kBounds.size() + 1> buckets{};
    uint64_t count = 0;
    double seconds = 0;
  };
  std::map<std::string, uint64_t> requests_;    ///< labels → count
  std::map<std::string, Durations> durations_;  ///< verb → durations
};

}  // namespace slipway::apiserver
