#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "async/process.h"
#include "base/result.h"

/// What the answers of Slurm's programs mean. All of it is pure.
namespace slipway::slurm {

/// What became of one sbatch.
struct SubmitOutcome {
  enum class Kind {
    Accepted,      ///< job_id is the job
    Refused,       ///< Slurm said no: there is no job, and the same request would be refused again
    NotSubmitted,  ///< it never reached slurmctld: there is no job; again later
    Unknown,       ///< time-out, crash, lost connection: there may be a job
  };
  Kind kind = Kind::Unknown;
  uint32_t job_id = 0;
  Error error;  ///< of every kind but Accepted
};
SubmitOutcome outcomeOfSbatch(const Result<async::ProcessResult>& result);

/// Why a program of Slurm failed: TooManyRequests (rate limit), Timeout, ServiceUnavailable (slurmctld away), NotFound
/// (the program is missing, or the job), Forbidden, Invalid. The message has what Slurm said and the mend.
Error errorOf(std::string_view program, const async::ProcessResult& result);
Error errorOf(std::string_view program, const Error& start_error);
/// True for failures after which Slurm must be left alone for a while: it is overloaded, or away.
bool callsForBackoff(const Error& error);
/// Of those: it could not be reached at all, so that asking again burdens nobody.
bool isAway(const Error& error);

/// "1234" or "1234;cluster" of sbatch --parsable; warnings may stand on lines before it.
std::optional<uint32_t> parseJobId(std::string_view output);

/// What is used of `scontrol show config`.
struct ClusterConfig {
  std::string cluster_name;
  std::string version;
  int64_t min_job_age_seconds = 300;
  int64_t kill_wait_seconds = 30;
  bool accounting = false;  ///< sacct has something to tell
};
ClusterConfig parseConfig(std::string_view text);

/// One job as sacct tells of it.
struct AccountedJob {
  uint32_t id = 0;
  std::string state;  ///< as sacct prints it: "COMPLETED", "CANCELLED by 1000"
  int32_t exit_code = 0;
  int32_t exit_signal = 0;
  int64_t start_time = 0;
  int64_t end_time = 0;
  std::string nodes;
  std::string work_dir;
  std::string comment;
};
/// Output of `sacct -n -P -X --format=` kSacctFormat. Lines that make no sense are left out.
std::vector<AccountedJob> parseSacct(std::string_view text);
inline constexpr std::string_view kSacctFormat = "JobIDRaw,State,ExitCode,Start,End,NodeList,WorkDir,Comment";

}  // namespace slipway::slurm
