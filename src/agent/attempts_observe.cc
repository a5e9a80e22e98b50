// What Slurm shows and what follows from it.
#include <unistd.h>

#include "agent/attempts.h"
#include "base/log.h"
#include "slurm/states.h"

namespace slipway::agent {

using site::v1::PodReport;

uint32_t Attempts::ownerOf(const pod::PodDirectory& directory) {
  std::error_code error;
  const std::string target = std::filesystem::read_symlink(directory.path() / "owner", error).string();
  return error ? 0 : static_cast<uint32_t>(std::strtoul(target.c_str(), nullptr, 10));
}

void Attempts::requeued(Attempt& attempt, const OwnJob& job) {
  log::info("pod {}: job {} was requeued by Slurm ({} times now)", attempt.entry.uid, job.id, job.restarts);
  attempt.slurm_final = false;
  attempt.final_since = 0;
  // A slurmctld that has forgotten the start of a job starts it again and does not count that: then the numbers of the
  // reports tell the runs apart.
  readReportFile(attempt);
  if (attempt.supervisor.stage() == PodReport::SUCCEEDED) return;
  if (job.restarts <= attempt.supervisor.slurm_restarts()) {
    attempt.stale_sequence = std::max(attempt.stale_sequence, attempt.supervisor.sequence());
  }
  attempt.supervisor.Clear();
  attempt.reported = 0;
}

/// Why Slurm lets it wait, when somebody must do something about it: once as an event, and in each report.
void Attempts::explainWaiting(Attempt& attempt) {
  if (attempt.phase != Phase::Waiting || attempt.told_reason == attempt.job.reason) return;
  attempt.told_reason = attempt.job.reason;
  const std::string what = whatToDoAboutWaiting(attempt.job);
  if (what.empty()) return;
  PodReport told;
  site::v1::PodEvent& event = *told.add_events();
  event.set_type("Warning");
  event.set_reason("SlurmJobWaits");
  event.set_message(fmt::format("{}: {}", attempt.job.reason, what));
  attempt.events.addNew(told);
}

void Attempts::seeAfterEnd(Attempt& attempt, const OwnJob& job, int64_t began) {
  const slurm::State state = slurm::parseJobState(job.state);
  const bool better = !attempt.slurm_final && slurm::isFinal(state);
  // A job that waits once more, not one that an older answer shows before its start.
  const bool waits_again = state.base == "PENDING" && (attempt.ended < began || job.restarts > attempt.job.restarts);
  constexpr int64_t kTimeToEnd = 60;
  const bool runs_on = attempt.ended + kTimeToEnd < began;
  attempt.alive = !slurm::isFinal(state);
  attempt.ended_but_requeued = attempt.alive && (attempt.ended_but_requeued || waits_again || runs_on);
  attempt.job = job;
  if (better) {
    attempt.slurm_final = true;
    const Status saved = save(attempt);
    if (!saved) log::warn("{}", saved.error().message);
  }
  publish(attempt);
}

void Attempts::see(Attempt& attempt, const OwnJob& job, int64_t began) {
  const slurm::State state = slurm::parseJobState(job.state);
  attempt.missing_since = 0;
  attempt.unknown_to_slurm = false;
  if (attempt.phase == Phase::Ended) return seeAfterEnd(attempt, job, began);
  // What was reported before this answer is of a run that is over when Slurm has counted more restarts, or when the job
  // waits. (A report of the new run may have come before the poll that tells of it.)
  const bool ran = attempt.reported != 0;
  const bool counted = ran ? job.restarts > attempt.supervisor.slurm_restarts()
                           : !attempt.job.state.empty() && job.restarts > attempt.job.restarts;
  const bool uncounted = ran && attempt.reported < began && state.base == "PENDING";
  if (attempt.job.id == job.id && (counted || uncounted)) requeued(attempt, job);
  attempt.job = job;
  if (!slurm::isFinal(state)) {
    attempt.last_alive = ticks();
    move(attempt, state.base == "PENDING" ? Event::SlurmWaiting : Event::SlurmActive);
    explainWaiting(attempt);
    if (attempt.phase == Phase::Active && !attempt.connected) readReportFile(attempt);
    const bool succeeded = attempt.supervisor.stage() == PodReport::SUCCEEDED;
    if (succeeded || (attempt.phase == Phase::Active && isFinalNow(attempt))) {
      finish(attempt, Event::ReportedFinal);
    }
    return publish(attempt);
  }
  const uint32_t owner = ownerOf(directoryOf(attempt));
  const auto& given_up = attempt.entry.given_up;
  const bool is_given_up = std::find(given_up.begin(), given_up.end(), job.id) != given_up.end();
  if (owner == 0 && is_given_up && !attempt.entry.cancelled) {
    giveUpJob(attempt, {Code::ServiceUnavailable, fmt::format("Slurm could not start job {} and held it", job.id)});
    return publish(attempt);
  }
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
  if (attempt.final_since == 0) attempt.final_since = ticks();
  if (!isFinalStage(attempt.supervisor.stage())) readReportFile(attempt);
  // A job that never ran leaves no report; of another, the last one may still be on its way.
  const bool never_ran = attempt.phase == Phase::Waiting && job.node.empty();
  const bool waited = ticks() - attempt.final_since >= options_.report_grace.count();
  if (isFinalStage(attempt.supervisor.stage()) || never_ran || waited) finish(attempt, Event::SlurmFinal);
  publish(attempt);
}

/// A job of ours that the journal does not know: it was lost, the comment was not. Also one that is over: what has run
/// is not run again.
void Attempts::adopt(const OwnJob& job, int64_t began) {
  if (!pod::isSafeFileName(job.pod_uid)) return;
  // What was forgotten for good has no directory any more.
  const pod::PodDirectory directory(options_.state_dir, job.pod_uid, job.attempt);
  std::error_code ignored;
  const bool over = slurm::isFinal(slurm::parseJobState(job.state));
  if (over && !std::filesystem::exists(directory.path(), ignored)) return;
  log::warn("pod {}: job {} is taken over by its comment", job.pod_uid, job.id);
  JournalEntry entry{
      .uid = job.pod_uid, .attempt = job.attempt, .phase = Phase::Waiting, .job_id = job.id, .submitted_at = now()};
  Attempt& attempt = add(std::move(entry), Phase::Waiting);
  attempt.submitted = ticks();
  attempt.disconnected_since = ticks();
  const Status saved = save(attempt);
  if (!saved) log::warn("{}", saved.error().message);
  see(attempt, job, began);
}

Task<void> Attempts::observe(std::vector<OwnJob> jobs, int64_t began) {
  std::set<std::string> seen;
  std::vector<std::pair<OwnJob, std::string>> duplicates;
  std::vector<std::pair<uint32_t, std::string>> requeued_ends;
  std::vector<std::pair<uint32_t, std::string>> held;
  for (const OwnJob& job : jobs) {
    const std::string key = SubmissionJournal::keyOf(job.pod_uid, job.attempt);
    const auto known = attempts_.find(key);
    // Others may start jobs in a pod's directory: only the comment makes a job one of ours, or the id that we know.
    if (job.by_directory && (known == attempts_.end() || known->second.entry.job_id != job.id)) continue;
    if (known == attempts_.end()) {
      adopt(job, began);
      seen.insert(key);
      continue;
    }
    Attempt& attempt = known->second;
    const auto& given_up = attempt.entry.given_up;
    const bool is_given_up = std::find(given_up.begin(), given_up.end(), job.id) != given_up.end();
    if (is_given_up && attempt.entry.job_id != job.id && slurm::isFinal(slurm::parseJobState(job.state))) continue;
    // Some versions keep a record of what they refused, which says less than sbatch did.
    const bool record_of_refusal = attempt.entry.job_id == 0 && mayBeRefused(attempt.phase) && job.node.empty() &&
                                   slurm::isFinal(slurm::parseJobState(job.state)) &&
                                   ownerOf(directoryOf(attempt)) == 0;
    if (record_of_refusal) continue;
    if (attempt.entry.job_id == 0) {
      attempt.entry.job_id = job.id;
      move(attempt, Event::JobFound);
    }
    if (attempt.entry.job_id != job.id) {
      if (!slurm::isFinal(slurm::parseJobState(job.state))) duplicates.emplace_back(job, key);
      continue;
    }
    seen.insert(key);
    see(attempt, job, began);
    if (attempt.ended_but_requeued) requeued_ends.emplace_back(job.id, key);
    const bool waits = attempt.phase == Phase::Waiting && !attempt.entry.cancelled && isHeldByFailedLaunch(job);
    if (waits && ownerOf(directoryOf(attempt)) == 0) held.emplace_back(job.id, key);
  }
  observed_ = true;
  ids_are_known_ = true;
  std::vector<std::string> open;
  std::vector<std::string> missing;
  for (auto& [key, attempt] : attempts_) {
    if (seen.contains(key)) continue;
    attempt.alive = false;
    if (attempt.phase == Phase::Unsettled) open.push_back(key);
    const bool known_job =
        attempt.phase == Phase::Waiting || attempt.phase == Phase::Active || attempt.phase == Phase::Vanished;
    // A job that was submitted while the poll ran may not have been in it.
    if (!known_job || attempt.sbatch_ended >= began) continue;
    if (attempt.missing_since == 0) attempt.missing_since = ticks();
    move(attempt, Event::SlurmMissing);
    missing.push_back(key);
  }
  for (const auto& [job, key] : duplicates) co_await cancelDuplicate(job, key);
  for (const auto& [job_id, key] : held) co_await cancelHeld(job_id, key);
  for (const auto& [job_id, key] : requeued_ends) co_await cancelRequeued(job_id, key);
  if (!open.empty()) co_await settleAll(std::move(open), began);
  if (!missing.empty()) {
    std::vector<std::string> keys = missing;
    co_await askForMissing(std::move(keys));
    co_await askAccounting(std::move(missing));
  }
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

/// Two jobs with one identity. Of two in the pod's directory the one that claimed it is the pod's, or else the one in
/// the journal. A job in another directory is another agent's with the same name (its certificate was copied, or its
/// lock does not hold): each cancels none but its own, and both let the older job live.
Task<void> Attempts::cancelDuplicate(OwnJob job, std::string key) {
  Attempt& attempt = attempts_.at(key);
  const std::string directory = directoryOf(attempt).path().string();
  const bool anothers = !job.work_dir.empty() && job.work_dir != directory;
  if (anothers && job.id > attempt.entry.job_id) {
    log::warn(
        "pod {}: job {} in {} has the same identity as job {}: another agent runs as this one. Stop it, or give it "
        "a certificate of its own (slipway config add-agent)",
        key, job.id, job.work_dir, attempt.entry.job_id);
    co_return;
  }
  uint32_t wrong = job.id;
  if (anothers || ownerOf(directoryOf(attempt)) == job.id) {
    wrong = std::exchange(attempt.entry.job_id, job.id);
    const Status saved = save(attempt);
    if (!saved) log::warn("{}", saved.error().message);
  }
  log::warn("pod {}: job {} has the same identity as job {} and is cancelled", key, wrong, attempt.entry.job_id);
  const Status done = co_await driver_.cancel(wrong, slurm::CancelHow::Kill);
  if (!done && !done.error().is(Code::NotFound)) log::warn("pod {}: {}", key, done.error().message);
}

/// Attempts that are over and nobody will ask for: directory, journal and memory go.
void Attempts::collectGarbage() {
  for (auto it = attempts_.begin(); it != attempts_.end();) {
    const Attempt& attempt = it->second;
    // Of a time before this agent started, the wall clock tells; it may have been set since.
    const int64_t age = std::max(ticks() - attempt.ended, attempt.ended_before ? now() - attempt.entry.ended_at : 0);
    const int64_t keep = attempt.entry.cancelled ? options_.keep_deleted.count() : options_.keep_ended.count();
    if (attempt.phase != Phase::Ended || attempt.alive || age < keep) {
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
