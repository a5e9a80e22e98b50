#include "supervisor/ranks.h"

#include <gtest/gtest.h>

#include "base/files.h"
#include "supervisor/node_volumes.h"

namespace slipway::supervisor {
namespace {

namespace fs = std::filesystem;
using site::v1::Terminated;

Terminated endedWith(int code, int64_t at, std::string message = "") {
  Terminated out;
  out.set_exit_code(code);
  out.set_reason(code == 0 ? "Completed" : "Error");
  out.set_finished_at_ns(at);
  out.set_message(std::move(message));
  return out;
}

TEST(Ranks, APodOfOneTaskIsNoStep) {
  site::v1::PodPlan plan;
  plan.mutable_slurm()->set_cpus_per_task(4);
  EXPECT_FALSE(stepOf(plan, {}));
  plan.mutable_slurm()->set_nodes(1);
  EXPECT_FALSE(stepOf(plan, {}));
}

TEST(Ranks, TheStepSharesTheRequestAmongTheTasksOfANode) {
  site::v1::PodPlan plan;
  plan.mutable_slurm()->set_nodes(3);
  plan.mutable_slurm()->set_ntasks_per_node(4);
  plan.mutable_slurm()->set_cpus_per_task(6);
  plan.mutable_slurm()->set_mpi("pmix");
  const auto step = stepOf(plan, {{"SLURM_JOB_ID", "7"}});
  ASSERT_TRUE(step);
  const container::Launch launch = stepLaunch(*step, "/state/a b", "main", 2);
  for (const std::string word : {"--nodes=3", "--ntasks=12", "--ntasks-per-node=4", "--cpus-per-task=2", "--mpi=pmix",
                                 "--kill-on-bad-exit=1", "--label", "/state/a b", "main"}) {
    EXPECT_NE(std::find(launch.argv.begin(), launch.argv.end(), word), launch.argv.end()) << word;
  }
  EXPECT_EQ(launch.env.at("SLURM_JOB_ID"), "7");
}

TEST(Ranks, TheFirstRankThatFailedIsToBlame) {
  TemporaryDirectory directory;
  const pod::PodDirectory pod(directory.path());
  EXPECT_EQ(stepEnd(pod, "main", 0, endedWith(143, 9)).exit_code(), 143);
  ASSERT_TRUE(writeRankEnd(pod, "main", 0, {0, 0, "n1"}, endedWith(0, 4, "from rank 0")));
  EXPECT_EQ(stepEnd(pod, "main", 0, endedWith(0, 9)).message(), "from rank 0");
  ASSERT_TRUE(writeRankEnd(pod, "main", 0, {3, 1, "n2"}, endedWith(9, 6)));
  ASSERT_TRUE(writeRankEnd(pod, "main", 0, {2, 1, "n2"}, endedWith(5, 5, "no such file")));
  const Terminated end = stepEnd(pod, "main", 0, endedWith(143, 9));
  EXPECT_EQ(end.exit_code(), 5);
  EXPECT_EQ(end.message(), "rank 2 on node n2 ended with exit code 5: no such file");
  // Another start knows nothing of it.
  EXPECT_EQ(stepEnd(pod, "main", 1, endedWith(1, 9)).exit_code(), 1);
  forgetRanks(pod, "main", 0);
  EXPECT_EQ(stepEnd(pod, "main", 0, endedWith(143, 9)).exit_code(), 143);
}

TEST(NodeVolumes, TheFirstMakesThemAndTheLastRemovesThem) {
  TemporaryDirectory directory;
  const Scratch scratch{directory.path() / "disk/pod", directory.path() / "memory/pod"};
  site::v1::PodPlan plan;
  auto* volume = plan.add_volumes();
  volume->set_name("data");
  volume->mutable_empty_dir();
  int made = 0;
  const auto make = [&](PodVolumes& volumes) {
    ++made;
    return volumes.setUp(plan);
  };
  auto first = NodeVolumes::enter(scratch, 4, plan, make).value();
  auto second = NodeVolumes::enter(scratch, 5, plan, make).value();
  EXPECT_EQ(made, 1);
  EXPECT_EQ(first->volumes().pathOf("data"), second->volumes().pathOf("data"));
  EXPECT_TRUE(fs::is_directory(second->volumes().pathOf("data")));
  first.reset();
  EXPECT_TRUE(fs::exists(scratch.disk));
  second.reset();
  EXPECT_FALSE(fs::exists(scratch.disk));
  EXPECT_FALSE(fs::exists(scratch.memory));
  EXPECT_TRUE(fs::is_empty(directory.path() / "disk"));
}

}  // namespace
}  // namespace slipway::supervisor
