#pragma once

#include <algorithm>
#include <chrono>
#include <map>
#include <string>
#include <vector>

#include "container/runtime.h"
#include "pod/log_pieces.h"
#include "supervisor/live_plan.h"
#include "supervisor/pod_volumes.h"
#include "supervisor/ranks.h"
#include "supervisor/report_board.h"

namespace slipway::supervisor {

/// Back-off of restarts and pulls, by kubelet's figures.
struct Timing {
  std::chrono::nanoseconds backoff_initial = std::chrono::seconds(10);
  std::chrono::nanoseconds backoff_max = std::chrono::minutes(5);
  std::chrono::nanoseconds backoff_reset = std::chrono::minutes(10);  ///< a run of this length starts afresh
  std::chrono::nanoseconds volume_check = std::chrono::seconds(10);   ///< between looks at emptyDir.sizeLimit
  std::chrono::nanoseconds hub_patience = std::chrono::seconds(20);   ///< then the hub counts as out of reach
  std::chrono::nanoseconds secrets_limit = std::chrono::hours(12);    ///< a pod whose secrets do not come has failed
  std::chrono::nanoseconds secrets_look = std::chrono::seconds(1);    ///< between looks for them as a file
  std::chrono::nanoseconds drain =
      std::chrono::seconds(2);  ///< for output after the end, when somebody else holds the pipe
};

/// What only the job knows.
struct JobFacts {
  std::vector<std::string> pod_ips;
  std::vector<std::string> host_ips;
  std::string node;                        ///< Slurm's name for this node
  std::map<std::string, std::string> env;  ///< of the job, that containers get too: SLURM_*, CUDA_VISIBLE_DEVICES, ...
};

/// What the containers of one pod share. Owned by the PodSupervisor, outlives its runners.
struct PodContext {
  const site::v1::PodPlan& plan;
  pod::PodDirectory directory;
  ReportBoard& board;
  container::ContainerRuntime& runtime;
  PodVolumes& volumes;
  const Clock& clock;
  JobFacts facts;
  Timing timing;
  pod::LogLimits log_limits;
  LivePlan* live = nullptr;                 ///< null in ranks: there `plan` is whole
  std::optional<Step> step = std::nullopt;  ///< of a pod on several nodes, in its supervisor
  std::optional<Rank> rank = std::nullopt;  ///< in a rank of such a pod
};

/// Seconds that somebody asked for, as a time to wait: in nanoseconds those of more than 290 years have no number.
inline std::chrono::seconds gracePeriod(int64_t seconds) {
  constexpr int64_t kMost = 1'000'000'000;
  return std::chrono::seconds(std::clamp<int64_t>(seconds, 0, kMost));
}

/// "$(status.podIP)" and its like replaced by what is the case here.
std::string withJobFields(std::string text, const JobFacts& facts);

}  // namespace slipway::supervisor
