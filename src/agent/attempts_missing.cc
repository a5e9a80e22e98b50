// Jobs that Slurm does not show any more.
#include "agent/attempts.h"
#include "base/log.h"
#include "slurm/states.h"

namespace slipway::agent {

using site::v1::PodReport;

/// A list may leave jobs out; slurmctld, asked for the id, knows for certain. Asked once for each job that is missing,
/// and again with each poll until it has answered.
Task<void> Attempts::askForMissing(std::vector<std::string> keys) {
  constexpr size_t kMost = 20;  // in one poll: it is a rare thing
  size_t asked = 0;
  for (const std::string& key : keys) {
    const auto before = attempts_.find(key);
    if (before == attempts_.end() || before->second.unknown_to_slurm || before->second.entry.job_id == 0) continue;
    if (ticks() - before->second.missing_since < options_.lost_after.count() || asked++ >= kMost) continue;
    const auto answer = co_await driver_.find(before->second.entry.job_id);
    const auto found = attempts_.find(key);
    if (found == attempts_.end()) continue;
    Attempt& attempt = found->second;
    if (!answer) {
      attempt.unknown_to_slurm = answer.error().is(Code::NotFound);
      if (!attempt.unknown_to_slurm) co_return;
      continue;
    }
    const bool ours = belongsTo(attempt, answer->comment, answer->work_dir);
    attempt.unknown_to_slurm = !ours;
    if (ours && !slurm::isFinal(slurm::parseJobState(answer->state))) attempt.last_alive = ticks();
  }
}

// slurmctld saves its state some seconds after a submission; killed before that it knows nothing of the job. The proof:
// slurmctld does not know the id (or it is another job's), the job was alive a moment ago, so that it cannot have ended
// and been forgotten, and it never claimed its directory, which is the first thing that a job does.
bool Attempts::lostUnbegun(const Attempt& attempt) const {
  const int64_t alive = std::max(attempt.last_alive, attempt.submitted);
  return attempt.unknown_to_slurm && attempt.missing_since - alive < options_.min_job_age.count() &&
         ticks() - attempt.missing_since >= options_.lost_after.count() && !attempt.connected &&
         attempt.supervisor.pod_uid().empty() && ownerOf(directoryOf(attempt)) == 0;
}

bool Attempts::isLost(const Attempt& attempt) const {
  const int64_t alive = std::max({attempt.last_alive, attempt.submitted, attempt.reported});
  return attempt.unknown_to_slurm && attempt.missing_since - alive < options_.min_job_age.count();
}

// The same of a job that had begun: slurmd ends it as soon as it hears that slurmctld does not know it. The proof that
// it is over: its supervisor could reach this agent, and has been gone for a while.
bool Attempts::lostWhileRunning(const Attempt& attempt) const {
  const int64_t gone = std::max(attempt.missing_since, attempt.disconnected_since);
  return isLost(attempt) && attempt.entry.reached_hub && !attempt.connected &&
         ticks() - gone >= options_.lost_running_after.count();
}

// A job that vanished from scontrol is not a failed job: slurmctld forgets finished jobs after MinJobAge (300 s by
// default). Accounting is asked, then the supervisor's last report; without either nothing is concluded.
Task<void> Attempts::askAccounting(std::vector<std::string> keys) {
  std::vector<uint32_t> ids;
  for (const std::string& key : keys) {
    const Attempt& attempt = attempts_.at(key);
    // Later and later for those that accounting does not know: at first with each poll, after an hour once an hour.
    const int64_t missing = ticks() - attempt.missing_since;
    const bool due = missing < 300 || missing % 3600 < 30;
    if (due && attempt.entry.job_id != 0 && ids.size() < 500) ids.push_back(attempt.entry.job_id);
  }
  Result<std::vector<slurm::AccountedJob>> accounted = std::vector<slurm::AccountedJob>{};
  if (!ids.empty()) accounted = co_await driver_.accounting(std::move(ids));
  for (const std::string& key : keys) {
    const auto found = attempts_.find(key);
    if (found == attempts_.end() || found->second.phase != Phase::Vanished) continue;
    conclude(found->second, accounted);
  }
}

void Attempts::conclude(Attempt& attempt, const Result<std::vector<slurm::AccountedJob>>& accounted) {
  if (accounted) {
    for (const slurm::AccountedJob& job : *accounted) {
      const bool over = slurm::isFinal(slurm::parseJobState(job.state));
      if (job.id != attempt.entry.job_id || !over || !belongsTo(attempt, job.comment, job.work_dir)) continue;
      attempt.job.state = job.state;
      attempt.job.exit_code = job.exit_code;
      attempt.job.exit_signal = job.exit_signal;
      attempt.job.end_time = job.end_time;
      attempt.slurm_final = true;
    }
  }
  readReportFile(attempt);
  // slurmdbd hears of a job's end, but never that slurmctld has forgotten it: there it may "run" for ever.
  const bool accounting_silent = accounted || accounted.error().is(Code::NotImplemented);
  const bool failed = attempt.supervisor.stage() == PodReport::FAILED;
  const bool waits_for_why = failed && wasStopped(attempt.supervisor) && !attempt.entry.cancelled &&
                             !attempt.slurm_final && ticks() - attempt.missing_since < options_.report_grace.count();
  if (waits_for_why) {
    // Whether slurmctld has lost the job, so that slurmd stopped it, is known when it was asked for its id.
  } else if (isFinalStage(attempt.supervisor.stage())) {
    if (failed && accounting_silent && !attempt.slurm_final && wasStopped(attempt.supervisor) && isLost(attempt)) {
      attempt.job.state = std::string(kLostState);
      attempt.slurm_final = true;
    }
    finish(attempt, Event::ReportedFinal);
  } else if (accounting_silent && !attempt.slurm_final && lostUnbegun(attempt)) {
    const std::string why = fmt::format("Slurm has lost job {} before it began", attempt.entry.job_id);
    giveUpJob(attempt, {Code::ServiceUnavailable, why});
  } else if (attempt.slurm_final && ticks() - attempt.missing_since >= options_.report_grace.count()) {
    finish(attempt, Event::AccountedFinal);
  } else if (attempt.entry.cancelled && ticks() - attempt.missing_since >= options_.unknown_after.count()) {
    // It was to go and it is gone: more need not be known.
    attempt.job.state = "CANCELLED";
    attempt.slurm_final = true;
    finish(attempt, Event::AccountedFinal);
  } else if (accounting_silent && !attempt.slurm_final && lostWhileRunning(attempt)) {
    log::warn("pod {}: Slurm has lost job {} while it ran", attempt.entry.uid, attempt.entry.job_id);
    attempt.job.state = std::string(kLostState);
    attempt.slurm_final = true;
    finish(attempt, Event::AccountedFinal);
  }
  publish(attempt);
}

}  // namespace slipway::agent
