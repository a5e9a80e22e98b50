#pragma once

#include <string>
#include <vector>

#include "async/task.h"
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
  /// What accounting knows of the jobs; those it does not know are missing. NotImplemented where there is none.
  virtual Task<Result<std::vector<AccountedJob>>> accounting(std::vector<uint32_t> job_ids) = 0;
  /// Own jobs since then whose comment accounting has kept (many sites keep none: no proof of absence).
  virtual Task<Result<std::vector<AccountedJob>>> accountedByComment(std::string comment, int64_t since) = 0;
  virtual Task<Result<ClusterConfig>> config() = 0;
};

}  // namespace slipway::slurm
