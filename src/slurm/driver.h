#pragma once

#include <string>
#include <vector>

#include "async/task.h"
#include "base/files.h"
#include "slurm/answers.h"
#include "slurm/job_record.h"
#include "slurm/node_record.h"
#include "slurm/options.h"

namespace slipway::slurm {

/// Takes the records of one poll as they are read. The views are gone when the call returns. Nothing may be concluded
/// from what was taken before poll() has ended well.
class InventorySink {
 public:
  virtual ~InventorySink() = default;
  virtual void node(const NodeRecord& record) = 0;
  virtual void job(const JobRecord& record) = 0;
};

struct PollSummary {
  size_t nodes = 0;
  size_t jobs = 0;
  size_t unreadable = 0;         ///< records left out
  std::string unreadable_first;  ///< why the first of them was
};

/// One job, asked for by its id.
struct FoundJob {
  std::string state;
  std::string comment;
  std::string work_dir;
};

/// How a job is told to end.
enum class CancelHow {
  TermBatch,  ///< TERM to the batch script only (the supervisor, which ends its containers in their grace period)
  Kill,       ///< the job is cancelled: TERM to all, KILL after Slurm's KillWait; a waiting job goes at once
};

/// Port to Slurm. Every failure is an Error that names the program, what it said and the mend; a job that is gone is
/// NotFound. Calls may be made side by side. SlurmDriver is the real one; testing/fake_driver.h the fake.
class Driver {
 public:
  virtual ~Driver() = default;

  /// One look at everything: two RPCs. An answer without nodes, or an empty one, is an error: it proves nothing.
  virtual Task<Result<PollSummary>> poll(InventorySink& sink) = 0;
  virtual Task<SubmitOutcome> submit(Submission submission) = 0;
  virtual Task<Status> cancel(uint32_t job_id, CancelHow how) = 0;
  /// Asks slurmctld for one job by its id, hidden ones too. NotFound is a proof: slurmctld does not know the id.
  virtual Task<Result<FoundJob>> find(uint32_t job_id) = 0;
  /// What accounting knows of this user's jobs; those it does not know are missing. NotImplemented where there is none.
  /// Ids come again when slurmctld loses its state: compare the directory.
  virtual Task<Result<std::vector<AccountedJob>>> accounting(std::vector<uint32_t> job_ids) = 0;
  /// This user's jobs since then (Unix seconds). Many sites keep no comments: no proof of absence.
  virtual Task<Result<std::vector<AccountedJob>>> accountedSince(int64_t since) = 0;
  virtual Task<Result<ClusterConfig>> config() = 0;
  /// Runs a program in a step of the job, on its first node beside what runs there; the socket is its standard input
  /// and output. Returns when the step has ended; cancelling ends it.
  virtual Task<Status> runStep(uint32_t job_id, std::vector<std::string> argv, FileDescriptor connection) = 0;
};

}  // namespace slipway::slurm
