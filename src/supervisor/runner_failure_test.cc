// What nobody expected to throw throws: the container ends with a reason, and the pod does not hang.
#include <gtest/gtest.h>

#include "async/deadline.h"
#include "async/loop.h"
#include "supervisor/pod_supervisor.h"
#include "supervisor/testing/test_pod.h"

namespace slipway::supervisor {
namespace {

using site::v1::ContainerReport;

class ThrowingRuntime final : public container::ContainerRuntime {
 public:
  bool at_launch = false;
  std::string name() const override { return "throwing"; }
  Task<Result<container::PreparedImage>> prepare(container::ImageRequest) override {
    if (!at_launch) throw std::runtime_error("prepare broke");
    co_return container::PreparedImage();
  }
  Result<container::Launch> launch(const container::ContainerSpec&) override {
    throw std::filesystem::filesystem_error("launch broke", std::make_error_code(std::errc::io_error));
  }
  bool isolates() const override { return false; }
};

Task<Result<PodOutcome>> outcomeOf(PodSupervisor& supervisor) {
  const PodOutcome outcome = co_await supervisor.run();
  co_return outcome;
}

Task<Result<PodOutcome>> runBroken(PodContext context) {
  const Executor executor = co_await async::thisExecutor();
  PodSupervisor supervisor(std::move(context), executor);
  auto running = outcomeOf(supervisor);
  co_return co_await async::withDeadline(std::move(running), std::chrono::seconds(20), "pod");
}

/// Never has the image.
class WaitingRuntime final : public container::ContainerRuntime {
 public:
  std::string name() const override { return "waiting"; }
  Task<Result<container::PreparedImage>> prepare(container::ImageRequest) override {
    co_await async::sleepFor(std::chrono::hours(1));
    co_return container::PreparedImage();
  }
  Result<container::Launch> launch(const container::ContainerSpec&) override { return container::Launch(); }
  bool isolates() const override { return false; }
};

void expectInternalError(bool at_launch, bool sidecar, const std::string& what) {
  TestPod pod;
  auto& first = pod.add(sidecar ? "side" : "main", "true", sidecar);
  first.set_restart_always(sidecar);
  if (sidecar) pod.add("main", "true");
  const SystemClock clock;
  const SupervisorOptions options = pod.options();
  ReportBoard board(pod.plan, pod.directory, clock);
  ThrowingRuntime runtime;
  runtime.at_launch = at_launch;
  PodVolumes volumes({options.scratch / "disk", options.scratch / "memory"});
  PodContext context{pod.plan, pod.directory, board, runtime, volumes, clock, {}, options.timing};
  const auto outcome = async::runToEnd(runBroken(std::move(context)));
  ASSERT_TRUE(outcome.has_value()) << outcome.error().message;
  EXPECT_FALSE(outcome->succeeded);
  const ContainerReport& report = board.report().containers(0);
  EXPECT_EQ(report.terminated().reason(), "InternalError");
  EXPECT_NE(report.terminated().message().find(what), std::string::npos) << report.terminated().message();
}

TEST(RunnerFailure, AnExceptionWhilePullingEndsTheContainer) {
  expectInternalError(false, false, "prepare broke");
}

TEST(RunnerFailure, AnExceptionWhileStartingEndsTheContainer) {
  expectInternalError(true, false, "launch broke");
}

TEST(RunnerFailure, ADeadlineEndsAPullThatHangs) {
  TestPod pod;
  pod.plan.set_active_deadline_seconds(1);
  pod.plan.set_grace_seconds(INT64_MAX);
  pod.add("main", "true");
  const SystemClock clock;
  const SupervisorOptions options = pod.options();
  ReportBoard board(pod.plan, pod.directory, clock);
  WaitingRuntime runtime;
  PodVolumes volumes({options.scratch / "disk", options.scratch / "memory"});
  PodContext context{pod.plan, pod.directory, board, runtime, volumes, clock, {}, options.timing};
  const auto outcome = async::runToEnd(runBroken(std::move(context)));
  ASSERT_TRUE(outcome.has_value()) << outcome.error().message;
  EXPECT_EQ(outcome->reason, "DeadlineExceeded");
}

TEST(RunnerFailure, ASidecarThatBreaksDoesNotHoldThePodUp) {
  expectInternalError(false, true, "prepare broke");
}

}  // namespace
}  // namespace slipway::supervisor
