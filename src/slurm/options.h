#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "proto/site.pb.h"

namespace slipway::slurm {

/// One job to be: options of the user, checked, and what Slipway owns.
struct Submission {
  site::v1::SlurmOptions options;
  std::string comment;            ///< identity of the attempt: commentOf()
  std::string directory;          ///< working directory of the job
  std::string output;             ///< file for what the job prints
  std::string script;             ///< renderJobScript()
  int64_t grace_seconds = 30;     ///< TERM comes this long before the time limit
  int64_t deadline_seconds = 0;   ///< activeDeadlineSeconds; 0: none
  std::string default_partition;  ///< of agent.yaml, where the pod names none
  std::string default_account;
};

/// "slipway:<cluster>:<pod uid>:<attempt>": who a job belongs to, legible from both sides after any crash.
std::string commentOf(std::string_view cluster, std::string_view pod_uid, uint32_t attempt);

/// Each option has a value that Slurm could accept and that is nothing but a value. Invalid names the annotation and
/// says what is wrong with it.
Status validateOptions(const site::v1::SlurmOptions& options);

/// One further option, "--name=value" or a known "--name". Refused: short options, options that Slipway owns (comment,
/// output, job name, ...), abbreviations of those (getopt takes them), and options whose value is missing, because
/// sbatch would take the next argument for it.
Status validateFlag(std::string_view flag);

/// Arguments of sbatch, the program itself left out: user's flags first, so that the ones Slipway owns win. Options are
/// never put in the script as #SBATCH lines. The script goes to standard input.
Result<std::vector<std::string>> sbatchArguments(const Submission& submission);

}  // namespace slipway::slurm
