#include "supervisor/ranks.h"

#include "base/files.h"
#include "base/log.h"
#include "base/strings.h"

namespace slipway::supervisor {
namespace fs = std::filesystem;
namespace {

fs::path ranksFolder(const pod::PodDirectory& directory, const std::string& container, uint32_t restart) {
  return directory.path() / "ranks" / fmt::format("{}-{}", container, restart);
}

/// A directory of a network file system may be shown as it was a while ago, but not after a change of one's own.
void refresh(const fs::path& folder) {
  std::error_code ignored;
  if (writeFileAtomic(folder / ".look", "")) fs::remove(folder / ".look", ignored);
}

struct RankEnd {
  int64_t rank = 0;
  std::string node;
  site::v1::Terminated ended;
};

std::vector<RankEnd> readRankEnds(const fs::path& folder) {
  refresh(folder);
  std::vector<RankEnd> out;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    // "<rank>@<node>"
    const std::string name = entry.path().filename().string();
    const auto [rank, node] = splitOnce(name, '@');
    const auto number = parseInt(rank);
    const auto text = readFile(entry.path());
    RankEnd each;
    if (!number || !text || !each.ended.ParseFromString(*text)) continue;
    each.rank = *number;
    each.node = node;
    out.push_back(std::move(each));
  }
  return out;
}

}  // namespace

std::optional<Step> stepOf(const site::v1::PodPlan& plan, const std::map<std::string, std::string>& env) {
  const site::v1::SlurmOptions& options = plan.slurm();
  if (options.nodes() <= 1 && options.ntasks_per_node() <= 1 && options.mpi().empty()) return std::nullopt;
  Step step;
  step.nodes = std::max<int64_t>(1, options.nodes());
  step.tasks_per_node = std::max<int64_t>(1, options.ntasks_per_node());
  // The pod's request is for each node.
  if (options.cpus_per_task() > 0) {
    step.cpus_per_task = (options.cpus_per_task() + step.tasks_per_node - 1) / step.tasks_per_node;
  }
  step.mpi = options.mpi();
  std::error_code error;
  step.binary = fs::read_symlink("/proc/self/exe", error);
  step.env = env;
  return step;
}

container::Launch stepLaunch(const Step& step, const fs::path& pod_directory, const std::string& container,
                             uint32_t restart) {
  container::Launch launch;
  launch.argv = {"srun",
                 fmt::format("--nodes={}", step.nodes),
                 fmt::format("--ntasks={}", step.nodes * step.tasks_per_node),
                 fmt::format("--ntasks-per-node={}", step.tasks_per_node),
                 fmt::format("--job-name={}", container),
                 "--overlap",
                 "--label",
                 "--kill-on-bad-exit=1",
                 "--input=all",
                 "--export=ALL"};
  if (step.cpus_per_task > 0) launch.argv.push_back(fmt::format("--cpus-per-task={}", step.cpus_per_task));
  if (!step.mpi.empty()) launch.argv.push_back("--mpi=" + step.mpi);
  for (const std::string& word :
       {step.binary.string(), std::string("supervise"), std::string("--dir"), pod_directory.string(),
        std::string("--rank-of"), container, std::string("--restart"), std::to_string(restart)}) {
    launch.argv.push_back(word);
  }
  launch.env = step.env;
  return launch;
}

Status writeRankEnd(const pod::PodDirectory& directory, const std::string& container, uint32_t restart,
                    const Rank& rank, const site::v1::Terminated& ended) {
  const fs::path folder = ranksFolder(directory, container, restart);
  TRY_STATUS(makeDirectories(folder, 0700));
  return writeFileAtomic(folder / fmt::format("{}@{}", rank.id, rank.node), ended.SerializeAsString());
}

site::v1::Terminated stepEnd(const pod::PodDirectory& directory, const std::string& container, uint32_t restart,
                             site::v1::Terminated ended) {
  const RankEnd* first = nullptr;
  const auto ends = readRankEnds(ranksFolder(directory, container, restart));
  for (const RankEnd& each : ends) {
    if (each.ended.exit_code() == 0) {
      if (each.rank == 0 && ended.message().empty()) ended.set_message(each.ended.message());
      continue;
    }
    if (first == nullptr || std::make_pair(each.ended.finished_at_ns(), each.rank) <
                                std::make_pair(first->ended.finished_at_ns(), first->rank)) {
      first = &each;
    }
  }
  if (first == nullptr) return ended;
  site::v1::Terminated out = first->ended;
  out.set_message(fmt::format("rank {} on node {} ended with exit code {}", first->rank, first->node, out.exit_code()));
  if (!first->ended.message().empty()) out.set_message(out.message() + ": " + first->ended.message());
  return out;
}

void forgetRanks(const pod::PodDirectory& directory, const std::string& container, uint32_t restart) {
  std::error_code ignored;
  fs::remove_all(ranksFolder(directory, container, restart), ignored);
}

}  // namespace slipway::supervisor
