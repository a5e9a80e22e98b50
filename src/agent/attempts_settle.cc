// Whose a job is: submissions of unknown outcome, and jobs that are given up.
#include "agent/attempts.h"
#include "base/log.h"
#include "slurm/states.h"

namespace slipway::agent {

/// Submissions of unknown outcome whose jobs are not in the poll that began at `began`. Short jobs may have come and
/// gone; where accounting keeps comments or directories, it tells. Where not, the directory's owner does.
Task<void> Attempts::settleAll(std::vector<std::string> keys, int64_t began) {
  int64_t since = now();
  std::erase_if(keys, [&](const std::string& key) {
    return began < attempts_.at(key).sbatch_ended + options_.settle_after.count();
  });
  if (keys.empty()) co_return;
  for (const std::string& key : keys) since = std::min(since, attempts_.at(key).entry.submitted_at - 60);
  const auto accounted = co_await driver_.accountedSince(since);
  for (const std::string& key : keys) settle(key, began, accounted);
}

void Attempts::settle(const std::string& key, int64_t began,
                      const Result<std::vector<slurm::AccountedJob>>& accounted) {
  const auto found = attempts_.find(key);
  if (found == attempts_.end() || found->second.phase != Phase::Unsettled) return;
  Attempt& attempt = found->second;
  uint32_t job_id = ownerOf(directoryOf(attempt));
  if (accounted) {
    for (const slurm::AccountedJob& job : *accounted) {
      if (job_id == 0 && belongsTo(attempt, job.comment, job.work_dir)) job_id = job.id;
    }
  }
  // A pod that is to go anyway does not wait for accounting to come back.
  constexpr int64_t kLongEnough = 300;
  const bool patient = !attempt.entry.cancelled || began < attempt.sbatch_ended + kLongEnough;
  if (job_id == 0 && !accounted && !accounted.error().is(Code::NotImplemented) && patient) return;
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

bool Attempts::belongsTo(const Attempt& attempt, const std::string& comment, const std::string& directory) const {
  if (comment == slurm::commentOf(options_.cluster, attempt.entry.uid, attempt.entry.attempt)) return true;
  return parsePodDirectory(directory) == std::pair(attempt.entry.uid, attempt.entry.attempt);
}

/// Ids come again after slurmctld has lost its state: an id that another attempt has too is the newer one's.
bool Attempts::idIsAnothers(const std::string& key, uint32_t job_id) const {
  const Attempt& mine = attempts_.at(key);
  return std::any_of(attempts_.begin(), attempts_.end(), [&](const auto& item) {
    const Attempt& other = item.second;
    return item.first != key && other.entry.job_id == job_id && !isOver(other.phase) &&
           other.phase != Phase::Vanished && other.submitted >= mine.submitted;
  });
}

/// The attempt has no job any more, and none has run: it may be submitted again.
void Attempts::giveUpJob(Attempt& attempt, Error why) {
  log::warn("pod {}: {}; it may be submitted again", attempt.entry.uid, why.message);
  attempt.submit_error = std::move(why);
  held_.forget(SubmissionJournal::keyOf(attempt.entry.uid, attempt.entry.attempt));
  attempt.entry.job_id = 0;
  attempt.job = {};
  attempt.missing_since = 0;
  attempt.unknown_to_slurm = false;
  move(attempt, Event::SlurmMissing);
  move(attempt, Event::LostUnbegun);
}

/// Slurm holds a job that it could not start: nobody but an administrator can release it, but a job that never ran can
/// be replaced. First it is written down that it is given up, so that its end is not taken for the pod's.
Task<void> Attempts::cancelHeld(uint32_t job_id, std::string key) {
  Attempt& attempt = attempts_.at(key);
  std::vector<uint32_t>& given_up = attempt.entry.given_up;
  if (std::find(given_up.begin(), given_up.end(), job_id) == given_up.end()) given_up.push_back(job_id);
  const Status saved = save(attempt);
  if (!saved) {
    log::warn("{}", saved.error().message);
    co_return;
  }
  log::warn("pod {}: job {} could not be started and is held by Slurm: it is cancelled", key, job_id);
  const Status killed = co_await driver_.cancel(job_id, slurm::CancelHow::Kill);
  if (!killed && !killed.error().is(Code::NotFound)) log::warn("pod {}: {}", key, killed.error().message);
}

}  // namespace slipway::agent
