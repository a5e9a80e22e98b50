#pragma once

#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <map>
#include <optional>
#include <string>

#include "base/clock.h"
#include "container/runtime.h"
#include "pod/layout.h"

/// Containers of a pod on several nodes: the supervisor on the first node starts a step (srun) whose tasks, the ranks,
/// are `slipway supervise --rank-of`, each with one container. Ranks are told things by rank_input.h, and leave word of
/// how they ended in `<pod directory>/ranks/<container>-<restart>/<rank>`.
namespace slipway::supervisor {

/// How the containers of such a pod are started. Init containers and sidecars run on the first node alone.
struct Step {
  int64_t nodes = 1;
  int64_t tasks_per_node = 1;
  int64_t cpus_per_task = 0;  ///< 0: Slurm's default
  std::string mpi;            ///< --mpi; empty: the site's default
  std::filesystem::path binary;
  std::map<std::string, std::string> env;  ///< of the job, for srun
};

/// Which rank this process is.
struct Rank {
  uint32_t id = 0;
  uint32_t node_index = 0;
  std::string node;
};

/// The step that a plan asks for; nothing for a pod on one node as one task.
std::optional<Step> stepOf(const site::v1::PodPlan& plan, const std::map<std::string, std::string>& env);

/// The srun command of one start of a container.
container::Launch stepLaunch(const Step& step, const std::filesystem::path& pod_directory, const std::string& container,
                             uint32_t restart);

/// How a rank ended, for the supervisor to read.
Status writeRankEnd(const pod::PodDirectory& directory, const std::string& container, uint32_t restart,
                    const Rank& rank, const site::v1::Terminated& ended);

/// How the step ended: of the ranks that failed the one that was first, named in the message; without such a rank
/// `ended`, which is srun's, with the message of rank 0.
site::v1::Terminated stepEnd(const pod::PodDirectory& directory, const std::string& container, uint32_t restart,
                             site::v1::Terminated ended);

/// Forgets what ranks of a start left, which a requeued job may have begun before.
void forgetRanks(const pod::PodDirectory& directory, const std::string& container, uint32_t restart);

}  // namespace slipway::supervisor
