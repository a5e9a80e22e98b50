#pragma once

#include <gtest/gtest.h>

#include "agent/attempts.h"
#include "async/loop.h"
#include "base/files.h"
#include "base/testing/manual_clock.h"
#include "pod/phase.h"
#include "slurm/testing/fake_driver.h"

namespace slipway::agent {

using site::v1::PodReport;
using slurm::CancelHow;
using slurm::SubmitOutcome;
using Kind = SubmitOutcome::Kind;

/// The agent's attempts above a Slurm in memory; time and polls pass when a test says so.
class AttemptsTest : public ::testing::Test {
 protected:
  AttemptsTest() { restart(); }

  /// The agent ends (or is killed) and starts again.
  void restart() {
    attempts.reset();
    auto journal = SubmissionJournal::open(directory.path() / "journal");
    ASSERT_TRUE(journal.has_value()) << journal.error().message;
    AttemptOptions options{.cluster = "c", .state_dir = directory.path(), .binary = "/bin/slipway"};
    attempts = std::make_unique<Attempts>(options, driver, std::move(*journal), clock);
  }

  Result<uint32_t> submit(const std::string& uid = "u1", uint32_t attempt = 0) {
    // With a new journal, Slurm must have been seen.
    if (!std::exchange(slurm_seen, true)) poll();
    return submitNow(uid, attempt);
  }
  Result<uint32_t> submitNow(const std::string& uid = "u1", uint32_t attempt = 0) {
    site::v1::PodPlan plan;
    plan.set_pod_uid(uid);
    plan.set_attempt(attempt);
    plan.set_grace_seconds(30);
    return async::runToEnd(attempts->submit(plan));
  }
  /// A pod of which the last poll said that its job runs, on n1.
  Result<uint32_t> submitRunning() {
    const auto job = submit();
    driver.jobs[*job].state = "RUNNING";
    driver.jobs[*job].nodes = "n1";
    pollAfter(15);
    return job;
  }
  void poll() {
    const int64_t began = attempts->ticks();
    Inventory inventory("c", 1000);
    inventory.begin();
    const auto summary = async::runToEnd(driver.poll(inventory));
    if (!summary) return attempts->slurmAway();
    inventory.commit();
    async::runToEnd(attempts->observe(inventory.ownJobs(), began));
  }
  void pursue() { async::runToEnd(attempts->pursueCancellations()); }
  void pollAfter(int seconds) {
    clock.advance(std::chrono::seconds(seconds));
    poll();
  }
  PodReport report(const std::string& uid = "u1") { return attempts->find(uid)->published; }
  std::string stage(const std::string& uid = "u1") { return PodReport::Stage_Name(report(uid).stage()); }
  void supervisorSays(PodReport::Stage stage, std::string reason = "") {
    PodReport said;
    said.set_pod_uid("u1");
    said.set_stage(stage);
    said.set_reason(reason);
    said.set_sequence(++supervisor_sequence);
    said.set_slurm_restarts(supervisor_restarts);
    said.add_containers()->set_name("main");
    attempts->report("u1/0", said);
  }

  /// One container that runs.
  void supervisorRuns() {
    PodReport said;
    said.set_pod_uid("u1");
    said.set_stage(PodReport::RUNNING);
    said.set_sequence(++supervisor_sequence);
    said.add_containers()->set_name("main");
    said.mutable_containers(0)->mutable_running()->set_started_at_ns(1);
    attempts->report("u1/0", said);
  }
  /// It has ended, because Slurm told the pod to.
  void supervisorWasTold(PodReport::Stage stage) {
    PodReport said;
    said.set_pod_uid("u1");
    said.set_stage(stage);
    said.set_reason("Error");
    said.set_message(std::string(pod::kToldToEnd));
    said.set_sequence(++supervisor_sequence);
    said.add_containers()->set_name("main");
    said.mutable_containers(0)->mutable_terminated()->set_exit_code(143);
    attempts->report("u1/0", said);
  }

  bool slurm_seen = false;
  uint64_t supervisor_sequence = 0;
  uint32_t supervisor_restarts = 0;
  TemporaryDirectory directory;
  testing::ManualClock clock;
  slurm::testing::FakeDriver driver;
  std::unique_ptr<Attempts> attempts;
};

}  // namespace slipway::agent
