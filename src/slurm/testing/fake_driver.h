#pragma once

#include <deque>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "slurm/driver.h"

namespace slipway::slurm::testing {

/// One job of the fake; the texts are those of scontrol.
struct FakeJob {
  std::string state = "PENDING";
  std::string reason = "None";
  std::string comment;
  std::string name = "job";
  std::string nodes;  ///< "n1"; empty: none
  std::string exit_code = "0:0";
  uint32_t restarts = 0;
  uint32_t uid = 1000;
  std::string std_out = "/dev/null";
  std::string end_time = "Unknown";
  std::string work_dir = "/home/alice";
  bool listed = true;  ///< false: only a question for its id finds it
};

/// A Slurm in memory. Tests change `jobs` and `node_records` and set failures; the driver answers as slurmctld would,
/// without waiting.
class FakeDriver final : public Driver {
 public:
  std::map<uint32_t, FakeJob> jobs;
  std::vector<std::string> node_records{"NodeName=n1 State=IDLE CPUTot=4 RealMemory=8000 Partitions=main"};
  std::map<uint32_t, AccountedJob> accounted;
  ClusterConfig cluster{.cluster_name = "test", .version = "22.05.8", .accounting = true};
  uint32_t next_id = 100;

  /// Answers for the next calls, in order; without one the call succeeds.
  std::deque<Error> poll_errors;
  std::deque<SubmitOutcome> submit_outcomes;
  std::deque<Error> cancel_errors;
  std::deque<Error> accounting_errors;
  /// Whether a submission whose outcome is Unknown makes a job all the same.
  bool unknown_makes_job = false;

  /// What was asked.
  std::vector<Submission> submissions;
  std::vector<std::pair<uint32_t, CancelHow>> cancels;
  size_t polls = 0;
  size_t accounting_calls = 0;
  size_t finds = 0;
  std::function<void()> on_submit;
  /// A step of a job; NotImplemented without it.
  std::function<Task<Status>(uint32_t job_id, std::vector<std::string> argv, FileDescriptor connection)> on_step;

  static std::string recordOf(uint32_t id, const FakeJob& job);

  Task<Result<PollSummary>> poll(InventorySink& sink) override;
  Task<SubmitOutcome> submit(Submission submission) override;
  Task<Status> cancel(uint32_t job_id, CancelHow how) override;
  Task<Result<std::vector<AccountedJob>>> accounting(std::vector<uint32_t> job_ids) override;
  Task<Result<std::vector<AccountedJob>>> accountedSince(int64_t since) override;
  Task<Result<FoundJob>> find(uint32_t job_id) override;
  Task<Result<ClusterConfig>> config() override;
  Task<Status> runStep(uint32_t job_id, std::vector<std::string> argv, FileDescriptor connection) override;
};

}  // namespace slipway::slurm::testing
