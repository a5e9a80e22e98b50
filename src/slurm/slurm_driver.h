#pragma once

#include <string>
#include <vector>

#include "async/process.h"
#include "slurm/driver.h"
#include "slurm/rpc_budget.h"

namespace slipway::slurm {

struct SlurmDriverOptions {
  std::string bin_dir;  ///< where Slurm's commands are; empty: PATH
  std::chrono::nanoseconds poll_timeout = std::chrono::seconds(60);
  std::chrono::nanoseconds submit_timeout = std::chrono::seconds(60);
  std::chrono::nanoseconds command_timeout = std::chrono::seconds(30);
  /// Variables of the agent's environment that a job gets; the rest stays here.
  std::vector<std::string> export_variables = {
      "HOME", "USER", "LOGNAME", "SHELL", "PATH", "LANG", "LD_LIBRARY_PATH", "MODULEPATH", "MODULESHOME", "SLURM_CONF"};
  RpcBudgetOptions budget;
};

/// The Driver that runs Slurm's own commands: text of scontrol, which every version has.
///
/// The commands get the agent's environment without what would change their answers (SLURM_*, SBATCH_*, SQUEUE_*, ...
/// but SLURM_CONF), with LC_ALL=C, SLURM_TIME_FORMAT=standard and, for those that print times, TZ=UTC. Each goes
/// through the RPC budget. Borrows the runner, clock and random; runs on one loop.
class SlurmDriver final : public Driver {
 public:
  SlurmDriver(SlurmDriverOptions options, async::ProcessRunner& runner, const Clock& clock, Random& random);

  Task<Result<PollSummary>> poll(InventorySink& sink) override;
  Task<SubmitOutcome> submit(Submission submission) override;
  Task<Status> cancel(uint32_t job_id, CancelHow how) override;
  Task<Result<FoundJob>> find(uint32_t job_id) override;
  Task<Result<std::vector<AccountedJob>>> accounting(std::vector<uint32_t> job_ids) override;
  Task<Result<std::vector<AccountedJob>>> accountedSince(int64_t since) override;
  Task<Result<ClusterConfig>> config() override;
  Task<Status> runStep(uint32_t job_id, std::vector<std::string> argv, FileDescriptor connection) override;

  const RpcBudget& budget() const { return budget_; }

 private:
  /// Without the agent's variables that a job is not to have.
  async::Command commandForJob(std::string program, std::vector<std::string> arguments,
                               std::chrono::nanoseconds timeout) const;
  async::Command command(std::string program, std::vector<std::string> arguments,
                         std::chrono::nanoseconds timeout) const;
  /// Runs it under the budget; an exit code other than 0 is an Error.
  Task<Result<async::ProcessResult>> run(async::Command command);
  void learn(const Error& error);
  /// Not under the budget; after a failure it fails at once for a while.
  Task<Result<std::vector<AccountedJob>>> sacct(std::vector<std::string> arguments);

  SlurmDriverOptions options_;
  async::ProcessRunner& runner_;
  const Clock& clock_;
  RpcBudget budget_;
  /// sacct asks slurmdbd: its troubles are none of slurmctld's.
  async::Backoff accounting_backoff_;
  SteadyTime accounting_quiet_until_{};
  Error accounting_error_;
  std::vector<std::string> unset_;
  bool accounting_works_ = true;
};

}  // namespace slipway::slurm
