#include "slurm/testing/fake_driver.h"

namespace slipway::slurm::testing {
namespace {

std::optional<Error> takeFirst(std::deque<Error>& errors) {
  if (errors.empty()) return std::nullopt;
  Error error = errors.front();
  errors.pop_front();
  return error;
}

}  // namespace

std::string FakeDriver::recordOf(uint32_t id, const FakeJob& job) {
  return fmt::format(
      "JobId={} JobName={} UserId=alice({}) GroupId=users(100) MCS_label=N/A Account=acc QOS=normal JobState={} "
      "Reason={} "
      "Restarts={} ExitCode={} RunTime=00:00:05 TimeLimit=00:10:00 SubmitTime=2026-01-01T00:00:00 "
      "StartTime=2026-01-01T00:00:10 EndTime={} Partition=main NodeList={} NumNodes=1 NumCPUs=1 "
      "TRES=cpu=1,mem=100M,node=1 Command=(null) WorkDir={} Comment={} StdOut={}",
      id, job.name, job.uid, job.state, job.reason, job.restarts, job.exit_code, job.end_time,
      job.nodes.empty() ? "(null)" : job.nodes, job.work_dir, job.comment, job.std_out);
}

Task<Result<PollSummary>> FakeDriver::poll(InventorySink& sink) {
  ++polls;
  if (const auto error = takeFirst(poll_errors)) co_return failure(*error);
  PollSummary summary;
  NodeRecord node;
  for (const std::string& text : node_records) {
    CO_TRY_STATUS(parseNode(text, node));
    sink.node(node);
    ++summary.nodes;
  }
  JobRecord record;
  for (const auto& [id, job] : jobs) {
    if (!job.listed) continue;
    const std::string text = recordOf(id, job);
    CO_TRY_STATUS(parseJob(text, record));
    sink.job(record);
    ++summary.jobs;
  }
  co_return summary;
}

Task<SubmitOutcome> FakeDriver::submit(Submission submission) {
  submissions.push_back(submission);
  if (on_submit) on_submit();
  SubmitOutcome outcome{.kind = SubmitOutcome::Kind::Accepted};
  if (!submit_outcomes.empty()) {
    outcome = submit_outcomes.front();
    submit_outcomes.pop_front();
  }
  const bool made = outcome.kind == SubmitOutcome::Kind::Accepted ||
                    (outcome.kind == SubmitOutcome::Kind::Unknown && unknown_makes_job);
  if (!made) co_return outcome;
  const uint32_t id = next_id++;
  jobs[id] = FakeJob{.comment = submission.comment, .name = submission.options.job_name()};
  if (!submission.directory.empty()) jobs[id].work_dir = submission.directory;
  if (outcome.kind == SubmitOutcome::Kind::Accepted) outcome.job_id = id;
  co_return outcome;
}

Task<Status> FakeDriver::cancel(uint32_t job_id, CancelHow how) {
  cancels.emplace_back(job_id, how);
  if (const auto error = takeFirst(cancel_errors)) co_return failure(*error);
  const auto job = jobs.find(job_id);
  if (job == jobs.end()) co_return failure(Code::NotFound, "job {}: Invalid job id specified", job_id);
  if (how == CancelHow::Kill) job->second.state = "CANCELLED";
  co_return Status{};
}

Task<Result<std::vector<AccountedJob>>> FakeDriver::accounting(std::vector<uint32_t> job_ids) {
  ++accounting_calls;
  if (const auto error = takeFirst(accounting_errors)) co_return failure(*error);
  if (!cluster.accounting) co_return failure(Code::NotImplemented, "no accounting");
  std::vector<AccountedJob> out;
  for (const uint32_t id : job_ids) {
    if (accounted.contains(id)) out.push_back(accounted[id]);
  }
  co_return out;
}

Task<Result<std::vector<AccountedJob>>> FakeDriver::accountedSince(int64_t) {
  ++accounting_calls;
  if (const auto error = takeFirst(accounting_errors)) co_return failure(*error);
  if (!cluster.accounting) co_return failure(Code::NotImplemented, "no accounting");
  std::vector<AccountedJob> out;
  for (const auto& [id, job] : accounted) out.push_back(job);
  co_return out;
}

Task<Result<FoundJob>> FakeDriver::find(uint32_t job_id) {
  ++finds;
  const auto job = jobs.find(job_id);
  if (job == jobs.end()) co_return failure(Code::NotFound, "job {}: Invalid job id specified", job_id);
  co_return FoundJob{job->second.state, job->second.comment, job->second.work_dir};
}

Task<Status> FakeDriver::runStep(uint32_t job_id, std::vector<std::string> argv, FileDescriptor connection) {
  if (!on_step) co_return failure(Code::NotImplemented, "srun: no steps here");
  Task<Status> step = on_step(job_id, std::move(argv), std::move(connection));
  co_return co_await std::move(step);
}

Task<Result<ClusterConfig>> FakeDriver::config() {
  co_return cluster;
}

}  // namespace slipway::slurm::testing
