#include "slurm/slurm_driver.h"

#include <unistd.h>

#include <array>

#include "base/strings.h"
#include "slurm/record_splitter.h"

extern char** environ;

namespace slipway::slurm {
namespace {

/// Variables that change what Slurm's commands ask for or print.
std::vector<std::string> variablesToUnset() {
  static constexpr std::array<std::string_view, 9> kPrefixes = {"SLURM_", "SBATCH_",   "SQUEUE_", "SINFO_", "SCANCEL_",
                                                                "SACCT_", "SCONTROL_", "SALLOC_", "SRUN_"};
  static constexpr std::array<std::string_view, 4> kKept = {"SLURM_CONF", "SLURM_CONF_SERVER", "SLURM_JWT",
                                                            "SLURM_CLUSTERS"};
  std::vector<std::string> out;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view name = splitOnce(*entry, '=').first;
    const bool matches = std::any_of(kPrefixes.begin(), kPrefixes.end(),
                                     [&](std::string_view prefix) { return name.starts_with(prefix); });
    if (matches && std::find(kKept.begin(), kKept.end(), name) == kKept.end()) out.emplace_back(name);
  }
  return out;
}

/// What a job shall not inherit: all but `kept` and what Slurm's commands, or a site's wrappers of them, may need.
std::vector<std::string> variablesBeside(const std::vector<std::string>& kept) {
  std::vector<std::string> out;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view name = splitOnce(*entry, '=').first;
    const bool needed =
        name.find("SLURM") != std::string_view::npos || name == "LD_LIBRARY_PATH" || name == "KRB5CCNAME";
    if (!needed && std::find(kept.begin(), kept.end(), name) == kept.end()) out.emplace_back(name);
  }
  return out;
}

/// The reading of one command's records, whole after finish().
template <typename Record, typename Parse, typename Give>
std::function<void(std::string_view)> recordTaker(Record& record, Parse parse, Give give, size_t& count,
                                                  PollSummary& summary) {
  return [&record, parse, give, &count, &summary](std::string_view text) {
    const Result<void> read = parse(text, record);
    if (read) {
      ++count;
      give(record);
      return;
    }
    if (summary.unreadable++ == 0) summary.unreadable_first = read.error().message;
  };
}

Error suspicious(std::string_view program, const RecordSplitter& splitter) {
  const std::string said =
      splitter.preamble().empty() ? "nothing" : fmt::format("\"{}\"", toValidUtf8(splitter.preamble()));
  return {
      Code::ServiceUnavailable,
      fmt::format("{} ended well but printed {}: no conclusion is drawn from that; tried again later", program, said)};
}

}  // namespace

SlurmDriver::SlurmDriver(SlurmDriverOptions options, async::ProcessRunner& runner, const Clock& clock, Random& random)
    : options_(std::move(options)),
      runner_(runner),
      clock_(clock),
      budget_(options_.budget, clock, random),
      accounting_backoff_({.initial = std::chrono::seconds(10), .max = std::chrono::minutes(2)}, random),
      unset_(variablesToUnset()) {}

async::Command SlurmDriver::command(std::string program, std::vector<std::string> arguments,
                                    std::chrono::nanoseconds timeout) const {
  async::Command out;
  out.argv.push_back(options_.bin_dir.empty() ? std::move(program) : options_.bin_dir + "/" + program);
  std::move(arguments.begin(), arguments.end(), std::back_inserter(out.argv));
  out.unset = unset_;
  out.environment = {{"LC_ALL", "C"}, {"SLURM_TIME_FORMAT", "standard"}};
  out.timeout = timeout;
  return out;
}

async::Command SlurmDriver::commandForJob(std::string program, std::vector<std::string> arguments,
                                          std::chrono::nanoseconds timeout) const {
  // The agent's other variables are kept to itself by taking them from the command: a list of names, like NONE, would
  // make Slurm start a login shell for the job (--get-user-env; lists too since 25.05), which may hang and fails where
  // slurmd is not root.
  arguments.emplace(arguments.begin(), "--export=ALL");
  async::Command out = command(std::move(program), std::move(arguments), timeout);
  out.environment = {};
  for (const std::string& name : variablesBeside(options_.export_variables)) out.unset.push_back(name);
  return out;
}

void SlurmDriver::learn(const Error& error) {
  if (!callsForBackoff(error)) return;
  if (isAway(error)) {
    budget_.unreachable();
  } else {
    budget_.tooBusy();
  }
}

Task<Result<async::ProcessResult>> SlurmDriver::run(async::Command command) {
  const std::string program = command.argv[0].substr(command.argv[0].rfind('/') + 1);
  co_await budget_.take(1);
  const auto result = co_await runner_.run(std::move(command));
  if (result && result->exit_code == 0) {
    budget_.succeed();
    co_return *result;
  }
  const Error error = result ? errorOf(program, *result) : errorOf(program, result.error());
  learn(error);
  co_return failure(error);
}

Task<Result<PollSummary>> SlurmDriver::poll(InventorySink& sink) {
  PollSummary summary;
  NodeRecord node_record;
  RecordSplitter nodes(
      RecordSplitter::Type::Nodes,
      recordTaker(node_record, parseNode, [&sink](const NodeRecord& r) { sink.node(r); }, summary.nodes, summary));
  // With -a: what lies in hidden partitions is not gone. What is shown is the mirror's choice.
  async::Command ask_nodes = command("scontrol", {"show", "node", "-o", "-a"}, options_.poll_timeout);
  ask_nodes.environment["TZ"] = "UTC";
  ask_nodes.max_output = 4ULL << 30U;
  ask_nodes.on_output = [&nodes](std::string_view piece) { nodes.feed(piece); };
  CO_TRY_STATUS(co_await run(std::move(ask_nodes)));
  nodes.finish();
  if (summary.nodes == 0) co_return failure(suspicious("scontrol show node", nodes));

  JobRecord job_record;
  RecordSplitter jobs(
      RecordSplitter::Type::Jobs,
      recordTaker(job_record, parseJob, [&sink](const JobRecord& r) { sink.job(r); }, summary.jobs, summary));
  async::Command ask_jobs = command("scontrol", {"show", "job", "-o", "-d", "-a"}, options_.poll_timeout);
  ask_jobs.environment["TZ"] = "UTC";
  ask_jobs.max_output = 4ULL << 30U;
  ask_jobs.on_output = [&jobs](std::string_view piece) { jobs.feed(piece); };
  CO_TRY_STATUS(co_await run(std::move(ask_jobs)));
  jobs.finish();
  // A site without jobs says so in words.
  const bool none = jobs.preamble().find("No jobs in the system") != std::string::npos;
  if (summary.jobs == 0 && !none) co_return failure(suspicious("scontrol show job", jobs));
  co_return summary;
}

Task<SubmitOutcome> SlurmDriver::submit(Submission submission) {
  auto arguments = sbatchArguments(submission);
  if (!arguments) co_return SubmitOutcome{SubmitOutcome::Kind::Refused, 0, arguments.error()};
  async::Command sbatch = commandForJob("sbatch", std::move(*arguments), options_.submit_timeout);
  sbatch.input = std::move(submission.script);
  co_await budget_.take(1);
  const auto result = co_await runner_.run(std::move(sbatch));
  SubmitOutcome outcome = outcomeOfSbatch(result);
  if (outcome.kind == SubmitOutcome::Kind::Accepted) {
    budget_.succeed();
  } else {
    learn(outcome.error);
  }
  co_return outcome;
}

Task<Status> SlurmDriver::cancel(uint32_t job_id, CancelHow how) {
  std::vector<std::string> arguments;
  if (how == CancelHow::TermBatch) arguments = {"--batch", "--signal=TERM"};
  arguments.push_back(fmt::format("{}", job_id));
  const auto result = co_await run(command("scancel", std::move(arguments), options_.command_timeout));
  if (!result) co_return failure(result.error().wrap(fmt::format("job {}", job_id)));
  co_return Status{};
}

Task<Status> SlurmDriver::runStep(uint32_t job_id, std::vector<std::string> argv, FileDescriptor connection) {
  constexpr auto kLongest = std::chrono::hours(24);
  constexpr double kRequests = 4;  // to make a step, to see its end
  std::vector<std::string> arguments = {fmt::format("--jobid={}", job_id),
                                        "--overlap",
                                        "--nodes=1",
                                        "--ntasks=1",
                                        "--relative=0",
                                        "--immediate=20",
                                        "--unbuffered",
                                        "--mpi=none",
                                        "--job-name=slipway-relay"};
  std::move(argv.begin(), argv.end(), std::back_inserter(arguments));
  async::Command srun = commandForJob("srun", std::move(arguments), kLongest);
  srun.connection = connection.get();
  co_await budget_.take(kRequests);
  const auto result = co_await runner_.run(std::move(srun));
  if (result && result->exit_code == 0) co_return Status{};
  const Error error = result ? errorOf("srun", *result) : errorOf("srun", result.error());
  learn(error);
  co_return failure(error.wrap(fmt::format("job {}", job_id)));
}

Task<Result<FoundJob>> SlurmDriver::find(uint32_t job_id) {
  async::Command ask =
      command("scontrol", {"show", "job", "-o", "-a", fmt::format("{}", job_id)}, options_.command_timeout);
  ask.environment["TZ"] = "UTC";
  const auto result = co_await run(std::move(ask));
  if (!result) co_return failure(result.error().wrap(fmt::format("job {}", job_id)));
  std::optional<FoundJob> found;
  RecordSplitter splitter(RecordSplitter::Type::Jobs, [&](std::string_view text) {
    JobRecord record;
    if (found || !parseJob(text, record)) return;
    found = FoundJob{toValidUtf8(record.get(JobField::State)), toValidUtf8(record.get(JobField::Comment)),
                     toValidUtf8(record.get(JobField::WorkDir))};
  });
  splitter.feed(result->output);
  splitter.finish();
  if (!found) co_return failure(suspicious("scontrol show job", splitter));
  co_return *found;
}

Task<Result<std::vector<AccountedJob>>> SlurmDriver::sacct(std::vector<std::string> arguments) {
  if (!accounting_works_) co_return failure(Code::NotImplemented, "this site keeps no accounting (sacct)");
  if (accounting_quiet_until_ > clock_.steady()) co_return failure(accounting_error_);
  arguments.insert(arguments.begin(),
                   {"-n", "-P", "-X", fmt::format("--format={}", kSacctFormat), fmt::format("--user={}", ::geteuid())});
  async::Command ask = command("sacct", std::move(arguments), options_.command_timeout);
  ask.environment["TZ"] = "UTC";
  const auto result = co_await runner_.run(std::move(ask));
  if (result && result->exit_code == 0) {
    accounting_backoff_.reset();
    co_return parseSacct(result->output);
  }
  accounting_error_ = result ? errorOf("sacct", *result) : errorOf("sacct", result.error());
  // "Slurm accounting storage is disabled" is how a site without it answers.
  if (toLower(accounting_error_.message).find("storage is disabled") != std::string::npos) {
    accounting_works_ = false;
    co_return failure(Code::NotImplemented, "this site keeps no accounting (sacct)");
  }
  const auto quiet = std::chrono::duration_cast<SteadyTime::duration>(accounting_backoff_.next());
  accounting_quiet_until_ = clock_.steady() + quiet;
  co_return failure(accounting_error_);
}

Task<Result<std::vector<AccountedJob>>> SlurmDriver::accounting(std::vector<uint32_t> job_ids) {
  std::vector<std::string> ids;
  for (const uint32_t id : job_ids) ids.push_back(fmt::format("{}", id));
  std::vector<std::string> arguments = {fmt::format("--jobs={}", join(ids, ","))};
  co_return co_await sacct(std::move(arguments));
}

Task<Result<std::vector<AccountedJob>>> SlurmDriver::accountedSince(int64_t since) {
  const WallTime from{std::chrono::seconds(since)};
  std::vector<std::string> arguments = {fmt::format("--starttime={}", formatTime(from).substr(0, 19))};
  co_return co_await sacct(std::move(arguments));
}

Task<Result<ClusterConfig>> SlurmDriver::config() {
  const auto result = co_await run(command("scontrol", {"show", "config"}, options_.command_timeout));
  if (!result) co_return failure(result.error());
  ClusterConfig config = parseConfig(result->output);
  if (config.cluster_name.empty()) {
    co_return failure(Code::ServiceUnavailable, "scontrol show config named no cluster: tried again later");
  }
  accounting_works_ = config.accounting;
  co_return config;
}

}  // namespace slipway::slurm
