#include "supervisor/supervise.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>

#include "async/loop.h"
#include "supervisor/process_tree.h"
#include "supervisor/testing/test_pod.h"

namespace slipway::supervisor {
namespace {

using namespace std::chrono_literals;
using site::v1::ContainerReport;
using site::v1::PodReport;

int run(TestPod& pod) {
  return async::runToEnd(runSupervisor(pod.options()));
}

TEST(Supervise, RunsAContainerAndReportsItsEnd) {
  TestPod pod;
  auto& main = pod.add("main", "echo \"$GREETING\"; echo oops >&2; exit 3");
  auto* variable = main.add_env();
  variable->set_name("GREETING");
  variable->set_value("hello \"$(id)\" `x`\n'y'");
  EXPECT_EQ(run(pod), 3);
  const PodReport report = pod.report();
  EXPECT_EQ(report.stage(), PodReport::FAILED);
  ASSERT_EQ(report.containers_size(), 1);
  EXPECT_EQ(report.containers(0).terminated().exit_code(), 3);
  EXPECT_EQ(report.containers(0).terminated().reason(), "Error");
  EXPECT_GT(report.containers(0).terminated().finished_at_ns(), report.containers(0).terminated().started_at_ns());
  const std::string log = pod.log("main");
  EXPECT_NE(log.find("hello \"$(id)\" `x`\n'y'\n"), std::string::npos);
  EXPECT_NE(log.find("oops\n"), std::string::npos);
}

TEST(Supervise, NothingOfTheOutputIsLost) {
  std::string expected;
  for (int i = 1; i <= 100000; ++i) expected += std::to_string(i) + "\n";
  for (int round = 0; round < 2; ++round) {
    TestPod pod;
    pod.add("main", "seq 100000");
    EXPECT_EQ(run(pod), 0);
    EXPECT_EQ(pod.log("main"), expected);
  }
}

TEST(Supervise, InitContainersRunInOrderAndFirst) {
  TestPod pod;
  const std::string file = (pod.state.path() / "order").string();
  pod.add("one", "echo 1 >> " + file, true);
  pod.add("two", "echo 2 >> " + file, true);
  pod.add("a", "echo 3 >> " + file);
  EXPECT_EQ(run(pod), 0);
  EXPECT_EQ(readFile(file).value(), "1\n2\n3\n");
  EXPECT_EQ(pod.report().stage(), PodReport::SUCCEEDED);
  EXPECT_EQ(pod.report().containers(0).kind(), ContainerReport::INIT);
}

TEST(Supervise, AFailedInitContainerFailsThePod) {
  TestPod pod;
  pod.add("one", "exit 4", true);
  pod.add("a", "echo never");
  EXPECT_EQ(run(pod), 4);
  EXPECT_EQ(pod.log("a"), "no log");
  EXPECT_EQ(pod.report().containers(1).waiting().reason(), "PodInitializing");
}

TEST(Supervise, SidecarsRunBesideAndEndAfterTheContainers) {
  TestPod pod;
  const std::string file = (pod.state.path() / "up").string();
  auto& sidecar =
      pod.add("side", "trap 'echo bye; exit 0' TERM; touch " + file + "; while :; do sleep 0.05; done", true);
  sidecar.set_restart_always(true);
  pod.add("main", "while [ ! -e " + file + " ]; do sleep 0.02; done; echo saw it");
  EXPECT_EQ(run(pod), 0);
  EXPECT_EQ(pod.log("main"), "saw it\n");
  EXPECT_EQ(pod.log("side"), "bye\n");
  EXPECT_EQ(pod.report().containers(0).terminated().exit_code(), 0);
}

TEST(Supervise, OnFailureRestartsUntilItSucceeds) {
  TestPod pod;
  pod.plan.set_restart_policy("OnFailure");
  const std::string file = (pod.state.path() / "tries").string();
  pod.add("main", "echo x >> " + file + "; [ $(wc -l < " + file + ") -ge 3 ]");
  EXPECT_EQ(run(pod), 0);
  const ContainerReport container = pod.report().containers(0);
  EXPECT_EQ(container.restart_count(), 2U);
  EXPECT_EQ(container.last_terminated().exit_code(), 1);
  EXPECT_EQ(pod.log("main", 2), "");
}

TEST(Supervise, AMissingProgramIsACleanFailure) {
  TestPod pod;
  auto& main = pod.add("main", "");
  main.clear_args();
  main.set_command(0, "no-such-program-here");
  EXPECT_EQ(run(pod), 127);
  const auto ended = pod.report().containers(0).terminated();
  EXPECT_EQ(ended.reason(), "ContainerCannotRun");
  EXPECT_NE(ended.message().find("no-such-program-here"), std::string::npos);
}

TEST(Supervise, DeadlineEndsThePodWithItsReason) {
  // A machine that stands still until the deadline starts no container: then it gets a longer one.
  for (int64_t deadline = 1; deadline <= 32; deadline *= 2) {
    TestPod pod;
    pod.plan.set_active_deadline_seconds(deadline);
    pod.plan.set_grace_seconds(0);
    pod.add("main", "trap '' TERM; sleep 1000 & sleep 1000");
    EXPECT_NE(run(pod), 0);
    EXPECT_EQ(pod.report().reason(), "DeadlineExceeded");
    if (!pod.report().containers(0).has_terminated() && deadline < 32) continue;
    EXPECT_EQ(pod.report().containers(0).terminated().exit_code(), 137);
    return;
  }
}

TEST(Supervise, AGrandchildThatHoldsTheOutputDoesNotHangIt) {
  TestPod pod;
  pod.add("main", "setsid sleep 1000 & echo done");
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(run(pod), 0);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 60s);
  EXPECT_EQ(pod.log("main"), "done\n");
  EXPECT_TRUE(processesOf(pod.plan.pod_uid() + "/0/main/0", -1).empty());
}

TEST(Supervise, TerminationMessageComesFromFileOrLog) {
  TestPod pod;
  pod.add("file", "printf why > \"$SLIPWAY_TERMINATION_LOG\"");
  auto& log = pod.add("log", "echo last words; exit 1");
  log.set_termination_message_policy("FallbackToLogsOnError");
  run(pod);
  EXPECT_EQ(pod.report().containers(0).terminated().message(), "why");
  EXPECT_EQ(pod.report().containers(1).terminated().message(), "last words\n");
}

TEST(Supervise, LivenessFailureRestartsAndStartupComesFirst) {
  TestPod pod;
  pod.plan.set_restart_policy("Always");
  pod.plan.set_active_deadline_seconds(100);
  pod.plan.set_grace_seconds(60);
  // The second start ends the pod.
  const std::string file = (pod.state.path() / "starts").string();
  auto& main =
      pod.add("main", "echo x >> " + file + "; [ $(wc -l < " + file + ") -lt 2 ] || kill $PPID; exec sleep 1000");
  auto& probe = *main.mutable_liveness_probe();
  probe.mutable_handler()->mutable_exec()->add_command("false");
  probe.set_timeout_seconds(1);
  probe.set_period_seconds(1);
  probe.set_success_threshold(1);
  probe.set_failure_threshold(2);
  probe.set_termination_grace_seconds(-1);
  run(pod);
  EXPECT_EQ(pod.report().containers(0).restart_count(), 1U);
  EXPECT_EQ(pod.report().containers(0).last_terminated().exit_code(), 143);
}

TEST(Supervise, PreStopRunsBeforeTerm) {
  TestPod pod;
  pod.plan.set_grace_seconds(60);
  const std::string file = (pod.state.path() / "order").string();
  // Once it is ready for it, it tells the supervisor to end the pod.
  auto& main =
      pod.add("main", "trap 'echo term >> " + file + "; exit 0' TERM; kill $PPID; while :; do sleep 0.05; done");
  auto& hook = *main.mutable_pre_stop()->mutable_exec();
  for (const std::string& word : std::vector<std::string>{"sh", "-c", "echo hook >> " + file}) hook.add_command(word);
  run(pod);
  EXPECT_EQ(readFile(file).value(), "hook\nterm\n");
}

TEST(Supervise, AMissingHostPathFailsThePod) {
  TestPod pod;
  auto* volume = pod.plan.add_volumes();
  volume->set_name("v");
  volume->mutable_host_path()->set_path("/proc/not/there");
  pod.add("main", "true");
  EXPECT_EQ(run(pod), 1);
  EXPECT_EQ(pod.report().reason(), "FailedMount");
  EXPECT_NE(pod.report().message().find("/proc/not/there"), std::string::npos);
}

TEST(Supervise, AHostPathWithoutATypeIsMade) {
  TestPod pod;
  auto* volume = pod.plan.add_volumes();
  volume->set_name("v");
  const std::string path = (pod.state.path() / "not/there").string();
  volume->mutable_host_path()->set_path(path);
  pod.add("main", "test -d " + path);
  EXPECT_EQ(run(pod), 0);
}

TEST(Supervise, DirectoriesOfTheNodeCanBeSwitchedOff) {
  TestPod pod;
  auto* volume = pod.plan.add_volumes();
  volume->set_name("v");
  volume->mutable_host_path()->set_path("/tmp");
  pod.add("main", "true");
  SupervisorOptions options = pod.options();
  options.allow_host_path = false;
  EXPECT_EQ(async::runToEnd(runSupervisor(options)), 1);
  EXPECT_EQ(pod.report().reason(), "FailedMount");
  EXPECT_NE(pod.report().message().find("volumes.hostPath"), std::string::npos);
}

TEST(Supervise, AnNfsVolumeIsNoWayToOtherDirectories) {
  TestPod pod;
  auto* volume = pod.plan.add_volumes();
  volume->set_name("v");
  volume->mutable_host_path()->set_path("/proc");
  volume->mutable_host_path()->set_type("nfs:filer");
  pod.add("main", "true");
  EXPECT_EQ(run(pod), 1);
  EXPECT_EQ(pod.report().reason(), "FailedMount");
  EXPECT_NE(pod.report().message().find("nfs filer:/proc is not mounted"), std::string::npos);
}

TEST(Supervise, SlurmsTokenIsNotForContainers) {
  TestPod pod;
  pod.add("main", "echo \"${SLURM_JWT-none} $SLURM_JOB_ID\"");
  SupervisorOptions options = pod.options();
  options.env["SLURM_JWT"] = "secret";
  options.env["SLURM_JOB_ID"] = "7";
  EXPECT_EQ(async::runToEnd(runSupervisor(options)), 0);
  EXPECT_EQ(pod.log("main"), "none 7\n");
}

TEST(Supervise, AScratchDirectoryThatSomebodyElseMadeFailsThePodAndStays) {
  TestPod pod;
  pod.add("main", "echo never");
  const std::filesystem::path planted = pod.state.path() / ("slipway-" + pod.plan.pod_uid() + "-0");
  const std::filesystem::path target = pod.state.path() / "home";
  std::filesystem::create_directories(target / "kept");
  std::filesystem::create_directory_symlink(target, planted);
  EXPECT_EQ(run(pod), 1);
  EXPECT_EQ(pod.report().reason(), "FailedMount");
  EXPECT_NE(pod.report().message().find(planted.string()), std::string::npos) << pod.report().message();
  EXPECT_TRUE(std::filesystem::exists(target / "kept"));
  EXPECT_EQ(pod.log("main"), "no log");
}

TEST(Supervise, LeavesNoFilesOnTheNode) {
  TestPod pod;
  auto* volume = pod.plan.add_volumes();
  volume->set_name("v");
  volume->mutable_empty_dir();
  pod.add("main", "echo x > \"$SLIPWAY_VOLUME_V/f\"");
  EXPECT_EQ(run(pod), 0);
  EXPECT_FALSE(std::filesystem::exists(pod.state.path() / ("slipway-" + pod.plan.pod_uid() + "-0")));
}

/// The keeper in a process of its own.
pid_t startKeeper(const SupervisorOptions& options) {
  const pid_t pid = ::fork();
  if (pid == 0) ::_exit(superviseMain(options));
  return pid;
}

template <typename Condition>
bool eventually(Condition condition) {
  for (int i = 0; i < 1000; ++i) {
    if (condition()) return true;
    std::this_thread::sleep_for(10ms);
  }
  return false;
}

TEST(Keeper, KillOfTheSupervisorLeavesNothingAndFailsThePod) {
  TestPod pod;
  pod.add("main", "setsid sleep 1000 & (sleep 1000 &) ; sleep 1000");
  const std::string instance = pod.plan.pod_uid() + "/0/main/0";
  const pid_t keeper = startKeeper(pod.options());
  ASSERT_TRUE(eventually([&] { return processesOf(instance, -1).size() >= 4; }));
  pid_t supervisor = 0;
  for (const ProcessInfo& each : processesOf(instance, -1)) {
    const auto stat = readFile(fmt::format("/proc/{}/stat", each.parent));
    const auto parent = stat ? parseStat(*stat) : Result<ProcessInfo>(failure(Code::NotFound, ""));
    if (parent && parent->parent == keeper && each.parent != keeper) supervisor = each.parent;
  }
  ASSERT_NE(supervisor, 0);
  ::kill(supervisor, SIGKILL);
  int status = 0;
  ::waitpid(keeper, &status, 0);
  EXPECT_EQ(WEXITSTATUS(status), 137);
  EXPECT_TRUE(processesOf(instance, -1).empty());
  EXPECT_EQ(pod.report().stage(), PodReport::FAILED);
  EXPECT_EQ(pod.report().reason(), "SupervisorKilled");
}

TEST(Keeper, PassesTermOn) {
  TestPod pod;
  pod.add("main", "trap 'echo got it; exit 0' TERM; echo up; while :; do sleep 0.05; done");
  const pid_t keeper = startKeeper(pod.options());
  ASSERT_TRUE(eventually([&] { return pod.log("main") == "up\n"; }));
  ::kill(keeper, SIGTERM);
  int status = 0;
  ::waitpid(keeper, &status, 0);
  // The container may have ended well: the pod did not, it was ended.
  EXPECT_EQ(WEXITSTATUS(status), 1);
  EXPECT_EQ(pod.log("main"), "up\ngot it\n");
  EXPECT_EQ(pod.report().stage(), PodReport::FAILED);
  EXPECT_EQ(pod.report().reason(), "Error");
  EXPECT_EQ(pod.report().containers(0).terminated().exit_code(), 0);
}

}  // namespace
}  // namespace slipway::supervisor
