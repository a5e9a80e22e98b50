#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "kubelet/backend.h"

namespace slipway::kubelet {

/// Turns CPU counters into cores in use: remembers the sample before the last for each key.
class CpuRates {
 public:
  /// Nanocores since the sample before; nothing with the first sample, or when the counter went back (a restart).
  std::optional<int64_t> rate(const std::string& key, int64_t cpu_nanoseconds, int64_t time_ns);

 private:
  struct Sample {
    int64_t cpu = 0;
    int64_t time = 0;
    std::optional<int64_t> rate;
  };
  void forgetOld(int64_t now_ns);
  std::map<std::string, Sample> samples_;
};

/// The document of /stats/summary (stats/v1alpha1.Summary).
kube::Object summaryOf(const std::string& node_name, const NodeStats& node, const std::vector<PodStats>& pods,
                       CpuRates& rates);

}  // namespace slipway::kubelet
