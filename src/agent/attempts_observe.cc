// What Slurm shows and what follows from it.
#include <unistd.h>

#include "agent/attempts.h"
#include "base/log.h"
#include "slurm/states.h"

namespace slipway::agent {
namespace {

/// The job that claimed the pod's directory (job_script.h); 0 if none has yet.
uint32_t ownerOf(const pod::PodDirectory& directory) {
  std::error_code error;
  const std::string target = std::filesystem::read_symlink(directory.path() / "owner", error).string();
  return error ? 0 : static_cast<uint32_t>(std::strtoul(target.c_str(), nullptr, 10));
}

}  // namespace

void Attempts::requeued(Attempt& attempt, const OwnJob& job) {
  log::info("pod {}: job {} was requeued by Slurm ({} times now)", attempt.entry.uid, job.id, job.restarts);
  // While it waits, the file is still the one of the run before.
  if (job.node.empty()) readReportFile(attempt);
  attempt.stale_sequence = std::max(attempt.stale_sequence, attempt.supervisor.sequence());
  attempt.supervisor.Clear();
  attempt.slurm_final = false;
  attempt.final_since = 0;
}

void Attempts::see(Attempt& attempt, const OwnJob& job) {
  const slurm::State state = slurm::parseJobState(job.state);
  const bool again = job.restarts > attempt.job.restarts && attempt.job.id == job.id && !attempt.job.state.empty();
  attempt.missing_since = 0;
  if (attempt.phase == Phase::Ended) {
    const bool better = !attempt.slurm_final && slurm::isFinal(state);
    // A job that waits once more, not one that an older answer shows before its start.
    const bool waits_again = state.base == "PENDING" && !slurm::isFinal(state) &&
                             (attempt.job.state.empty() || job.restarts > attempt.job.restarts);
    attempt.ended_but_requeued = !slurm::isFinal(state) && (attempt.ended_but_requeued || waits_again);
    attempt.job = job;
    if (better) {
      attempt.slurm_final = true;
      const Status saved = save(attempt);
      if (!saved) log::warn("{}", saved.error().message);
    }
    return publish(attempt);
  }
  if (again) requeued(attempt, job);
  attempt.job = job;
  if (!slurm::isFinal(state)) {
    attempt.last_alive = now();
    move(attempt, state.base == "PENDING" ? Event::SlurmWaiting : Event::SlurmActive);
    if (attempt.phase == Phase::Active && !attempt.connected) readReportFile(attempt);
    if (attempt.phase == Phase::Active && isFinalNow(attempt)) {
      finish(attempt, Event::ReportedFinal);
    }
    return publish(attempt);
  }
  const uint32_t owner = ownerOf(directoryOf(attempt));
  if (owner != 0 && owner != job.id) {
    // Submitted twice after all: this job found the pod's directory taken and ended at once.
    log::warn("pod {}: job {} runs it, job {} had nothing to do", attempt.entry.uid, owner, job.id);
    attempt.entry.job_id = owner;
    attempt.job = OwnJob{.id = owner};
    const Status saved = save(attempt);
    if (!saved) log::warn("{}", saved.error().message);
    return publish(attempt);
  }
  attempt.slurm_final = true;
  if (attempt.final_since == 0) attempt.final_since = now();
  if (!isFinalStage(attempt.supervisor.stage())) readReportFile(attempt);
  // A job that never ran leaves no report; of another, the last one may still be on its way.
  const bool never_ran = attempt.phase == Phase::Waiting && job.node.empty();
  const bool waited = now() - attempt.final_since >= options_.report_grace.count();
  if (isFinalStage(attempt.supervisor.stage()) || never_ran || waited) finish(attempt, Event::SlurmFinal);
  publish(attempt);
}

/// A job of ours that the journal does not know: it was lost, the comment was not.
void Attempts::adopt(const OwnJob& job) {
  if (!pod::isSafeFileName(job.pod_uid) || slurm::isFinal(slurm::parseJobState(job.state))) return;
  log::warn("pod {}: job {} is taken over by its comment", job.pod_uid, job.id);
  JournalEntry entry{
      .uid = job.pod_uid, .attempt = job.attempt, .phase = Phase::Waiting, .job_id = job.id, .submitted_at = now()};
  Attempt& attempt = add(std::move(entry), Phase::Waiting);
  const Status saved = save(attempt);
  if (!saved) log::warn("{}", saved.error().message);
  see(attempt, job);
}

Task<void> Attempts::observe(std::vector<OwnJob> jobs, int64_t began) {
  observed_ = true;
  std::set<std::string> seen;
  std::vector<std::pair<uint32_t, std::string>> duplicates, requeued_ends;
  for (const OwnJob& job : jobs) {
    const std::string key = SubmissionJournal::keyOf(job.pod_uid, job.attempt);
    const auto known = attempts_.find(key);
    if (known == attempts_.end()) {
      adopt(job);
      seen.insert(key);
      continue;
    }
    Attempt& attempt = known->second;
    if (attempt.entry.job_id == 0) {
      attempt.entry.job_id = job.id;
      move(attempt, Event::JobFound);
    }
    if (attempt.entry.job_id != job.id) {
      if (!slurm::isFinal(slurm::parseJobState(job.state))) duplicates.emplace_back(job.id, key);
      continue;
    }
    seen.insert(key);
    see(attempt, job);
    if (attempt.ended_but_requeued) requeued_ends.emplace_back(job.id, key);
  }
  std::vector<std::string> open;
  std::vector<std::string> missing;
  for (auto& [key, attempt] : attempts_) {
    if (seen.contains(key)) continue;
    if (attempt.phase == Phase::Unsettled) open.push_back(key);
    const bool known_job =
        attempt.phase == Phase::Waiting || attempt.phase == Phase::Active || attempt.phase == Phase::Vanished;
    // A job that was submitted while the poll ran may not have been in it.
    if (!known_job || attempt.sbatch_ended >= began) continue;
    if (attempt.missing_since == 0) attempt.missing_since = now();
    move(attempt, Event::SlurmMissing);
    missing.push_back(key);
  }
  for (const auto& [job_id, key] : duplicates) co_await cancelDuplicate(job_id, key);
  for (const auto& [job_id, key] : requeued_ends) co_await cancelRequeued(job_id, key);
  for (const std::string& key : open) co_await settle(key, began);
  if (!missing.empty()) co_await askAccounting(std::move(missing));
  co_await pursueCancellations();
  collectGarbage();
}

/// A slurmctld that lost what it knew, or an operator, requeued the job of a pod that is over: it is not run again.
/// Tried with each poll until the job has ended.
Task<void> Attempts::cancelRequeued(uint32_t job_id, std::string key) {
  log::warn("pod {}: job {} was requeued after the pod's end and is cancelled", key, job_id);
  const Status killed = co_await driver_.cancel(job_id, slurm::CancelHow::Kill);
  if (!killed && !killed.error().is(Code::NotFound)) log::warn("pod {}: {}", key, killed.error().message);
}

/// Two jobs with one identity: the one that claimed the directory, or else the one in the journal, is the pod's.
Task<void> Attempts::cancelDuplicate(uint32_t job_id, std::string key) {
  Attempt& attempt = attempts_.at(key);
  uint32_t wrong = job_id;
  if (ownerOf(directoryOf(attempt)) == job_id) {
    wrong = std::exchange(attempt.entry.job_id, job_id);
    const Status saved = save(attempt);
    if (!saved) log::warn("{}", saved.error().message);
  }
  log::warn("pod {}: job {} has the same identity as job {} and is cancelled", key, wrong, attempt.entry.job_id);
  const Status done = co_await driver_.cancel(wrong, slurm::CancelHow::Kill);
  if (!done && !done.error().is(Code::NotFound)) log::warn("pod {}: {}", key, done.error().message);
}

/// A submission of unknown outcome whose job is not in the poll that began at `began`.
Task<void> Attempts::settle(std::string key, int64_t began) {
  if (began < attempts_.at(key).sbatch_ended + options_.settle_after.count()) co_return;
  const JournalEntry entry = attempts_.at(key).entry;
  const std::string comment = slurm::commentOf(options_.cluster, entry.uid, entry.attempt);
  // A short job may have come and gone; where accounting keeps comments, it tells. Where not, the directory's owner
  // does.
  const auto accounted = co_await driver_.accountedByComment(comment, entry.submitted_at - 60);
  if (!accounted && !accounted.error().is(Code::NotImplemented)) co_return;
  Attempt& attempt = attempts_.at(key);
  if (attempt.phase != Phase::Unsettled) co_return;
  uint32_t job_id = accounted && !accounted->empty() ? accounted->front().id : ownerOf(directoryOf(attempt));
  if (job_id != 0) {
    attempt.entry.job_id = job_id;
    attempt.job.id = job_id;
    move(attempt, Event::JobFound);
  } else {
    attempt.submit_error = {Code::ServiceUnavailable,
                            "the submission did not reach Slurm: " + attempt.submit_error.message};
    move(attempt, Event::AbsenceProven);
  }
  publish(attempt);
}

// slurmctld saves its state some seconds after a submission; killed before that it knows nothing of the job. The proof:
// the job was alive a moment ago, so that it cannot have ended and been forgotten, and it never claimed its directory,
// which is the first thing that a job does.
bool Attempts::lostUnbegun(const Attempt& attempt) const {
  const int64_t alive = std::max(attempt.last_alive, attempt.entry.submitted_at);
  return attempt.missing_since - alive < options_.min_job_age.count() &&
         now() - attempt.missing_since >= options_.lost_after.count() && !attempt.connected &&
         attempt.supervisor.pod_uid().empty() && ownerOf(directoryOf(attempt)) == 0;
}

// A job that vanished from scontrol is not a failed job: slurmctld forgets finished jobs after MinJobAge (300 s by
// default). Accounting is asked, then the supervisor's last report; without either nothing is concluded.
Task<void> Attempts::askAccounting(std::vector<std::string> keys) {
  std::vector<uint32_t> ids;
  for (const std::string& key : keys) {
    const Attempt& attempt = attempts_.at(key);
    // Later and later for those that accounting does not know: at first with each poll, after an hour once an hour.
    const int64_t missing = now() - attempt.missing_since;
    const bool due = missing < 300 || missing % 3600 < 30;
    if (due && attempt.entry.job_id != 0 && ids.size() < 500) ids.push_back(attempt.entry.job_id);
  }
  Result<std::vector<slurm::AccountedJob>> accounted = std::vector<slurm::AccountedJob>{};
  if (!ids.empty()) accounted = co_await driver_.accounting(std::move(ids));
  for (const std::string& key : keys) {
    const auto found = attempts_.find(key);
    if (found == attempts_.end() || found->second.phase != Phase::Vanished) continue;
    Attempt& attempt = found->second;
    if (accounted) {
      for (const slurm::AccountedJob& job : *accounted) {
        if (job.id != attempt.entry.job_id || !slurm::isFinal(slurm::parseJobState(job.state))) continue;
        attempt.job.state = job.state;
        attempt.job.exit_code = job.exit_code;
        attempt.job.exit_signal = job.exit_signal;
        attempt.job.end_time = job.end_time;
        attempt.slurm_final = true;
      }
    }
    readReportFile(attempt);
    const bool accounting_silent = accounted || accounted.error().is(Code::NotImplemented);
    if (isFinalStage(attempt.supervisor.stage())) {
      finish(attempt, Event::ReportedFinal);
    } else if (accounting_silent && !attempt.slurm_final && lostUnbegun(attempt)) {
      log::warn("pod {}: Slurm has lost job {} before it began; it may be submitted again", key, attempt.entry.job_id);
      attempt.submit_error = {Code::ServiceUnavailable,
                              fmt::format("Slurm has lost job {} before it began", attempt.entry.job_id)};
      attempt.entry.job_id = 0;
      attempt.job = {};
      attempt.missing_since = 0;
      move(attempt, Event::LostUnbegun);
    } else if (attempt.slurm_final && now() - attempt.missing_since >= options_.report_grace.count()) {
      finish(attempt, Event::AccountedFinal);
    } else if (attempt.entry.cancelled && now() - attempt.missing_since >= options_.unknown_after.count()) {
      // It was to go and it is gone: more need not be known.
      attempt.job.state = "CANCELLED";
      attempt.slurm_final = true;
      finish(attempt, Event::AccountedFinal);
    }
    publish(attempt);
  }
}

/// Attempts that are over and nobody will ask for: directory, journal and memory go.
void Attempts::collectGarbage() {
  for (auto it = attempts_.begin(); it != attempts_.end();) {
    const Attempt& attempt = it->second;
    const int64_t age = now() - attempt.entry.ended_at;
    const int64_t keep = attempt.entry.cancelled ? options_.keep_deleted.count() : options_.keep_ended.count();
    if (attempt.phase != Phase::Ended || age < keep) {
      ++it;
      continue;
    }
    std::error_code ignored;
    std::filesystem::remove_all(directoryOf(attempt).path(), ignored);
    std::filesystem::remove(directoryOf(attempt).path().parent_path(), ignored);  // when it was the last
    journal_.forget(attempt.entry.uid, attempt.entry.attempt);
    versions_.erase(it->first);
    const std::string uid = attempt.entry.uid;
    it = attempts_.erase(it);
    newest_.erase(uid);
    for (const auto& [key, other] : attempts_) {
      if (other.entry.uid == uid) newest_[uid] = std::max(newest_[uid], other.entry.attempt);
    }
  }
}

}  // namespace slipway::agent
