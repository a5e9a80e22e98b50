#pragma once

#include <array>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "proto/site.pb.h"

namespace slipway::slurm {

/// Values that are kept of a job record. Index into JobRecord.
enum class JobField : uint8_t {
  None,
  JobId,
  ArrayJobId,
  ArrayTaskId,
  HetJobId,
  HetJobOffset,
  JobName,
  UserId,
  Account,
  Qos,
  State,
  Reason,
  Restarts,
  ExitCode,
  TimeLimit,
  SubmitTime,
  StartTime,
  EndTime,
  Partition,
  NodeList,
  BatchHost,
  NumNodes,
  NumCpus,
  Tres,
  ReqTres,
  AllocTres,
  JobGres,
  WorkDir,
  Comment,
  StdOut,
  BatchFlag,
  RunTime,
  Count,
};

/// What `-d` tells of one group of nodes: "Nodes=n[1-2] CPU_IDs=0-1 Mem=100 GRES=gpu:a100:2(IDX:0-1)".
struct JobNodesDetail {
  std::string_view nodes;
  std::string_view cpu_ids;
  std::string_view memory;
  std::string_view gres;
};

/// One job, as views into the text of its record: cheap enough to look at every job at every poll.
class JobRecord {
 public:
  std::string_view get(JobField field) const { return values_[static_cast<size_t>(field)]; }
  const std::vector<JobNodesDetail>& details() const { return details_; }

  uint32_t id() const;
  /// Of "alice(3001)". UINT32_MAX if unknown, also when a name or a comment holds what looks like a user field: which
  /// of them is Slurm's own cannot be told for certain, and nothing may be done in a user's name on a guess.
  uint32_t uid() const;
  std::string_view user() const;  ///< "alice"; the number when Slurm has no name; empty if uid() is not known
  /// Of everything that toProto() uses: equal hashes, equal Job (run time and last scheduling are no part of it).
  uint64_t hash() const;

 private:
  friend Result<void> parseJob(std::string_view record, JobRecord& out);
  friend class JobParser;
  std::array<std::string_view, static_cast<size_t>(JobField::Count)> values_{};
  std::vector<JobNodesDetail> details_;
  bool ambiguous_user_ = false;
};

/// Reads a record of `scontrol show job -o -d`, with fields missing, unknown or in another order. `out` is reused from
/// record to record and its views live as long as `record`.
///
/// Values may hold anything their user liked. The rules that keep a job's name or comment from passing for other
/// fields: fields before the name are fixed; the name ends at the last "UserId=user(number) GroupId=" before
/// SubmitTime; between that and Command the first of two equal keys counts; a key after Command never replaces one
/// before it. BadRequest when there is no job id: the caller counts and reports it, and goes on.
Result<void> parseJob(std::string_view record, JobRecord& out);

/// Clears and fills `out`; all texts become valid UTF-8.
void toProto(const JobRecord& record, site::v1::Job& out);

}  // namespace slipway::slurm
