// Submitting and cancelling: what the agent does to Slurm.
#include "agent/attempts.h"
#include "base/log.h"
#include "pod/secrets.h"
#include "slurm/job_script.h"
#include "slurm/states.h"

namespace slipway::agent {
namespace {

constexpr int64_t kKillAgainAfter = 30;
/// After the grace period the supervisor needs a moment to write its last report.
constexpr int64_t kReportSeconds = 5;

Error notSeenYet(const std::string& uid) {
  return {
      Code::ServiceUnavailable,
      fmt::format("pod {}: Slurm has not answered since the agent started: whether the pod has a job is not known yet",
                  uid)};
}

}  // namespace

Status Attempts::prepareDirectory(Attempt& attempt, const site::v1::PodPlan& plan,
                                  const site::v1::PodSecrets& secrets) {
  const pod::PodDirectory directory = directoryOf(attempt);
  TRY_STATUS(makeDirectories(options_.state_dir / "pods", 0700));
  TRY_STATUS(makeDirectories(directory.path().parent_path(), 0700));
  TRY_STATUS(makeDirectories(directory.path(), 0700));
  TRY_STATUS(pod::writePlan(directory, plan));
  std::error_code ignored;
  std::filesystem::remove(directory.secrets(), ignored);
  if (plan.secrets_apart() && secretsGoAsFiles()) {
    TRY_STATUS(pod::writeSecrets(directory, secrets));
    attempt.secrets_left = 1;
  }
  if (make_hub_file_) {
    TRY(const pod::HubFile hub, make_hub_file_(attempt.entry.uid, attempt.entry.attempt));
    TRY_STATUS(pod::writeHubFile(directory, hub));
  }
  return writeFileAtomic(directory.script(), slurm::renderJobScript(options_.binary, directory.path().string()), 0700);
}

Task<Result<uint32_t>> Attempts::submit(site::v1::PodPlan plan) {
  if (!pod::isSafeFileName(plan.pod_uid()) || plan.pod_uid().find(':') != std::string::npos) {
    co_return failure(Code::BadRequest, "\"{}\" is not a pod uid", plan.pod_uid());
  }
  const std::string key = SubmissionJournal::keyOf(plan.pod_uid(), plan.attempt());
  site::v1::PodSecrets secrets = pod::takeSecrets(plan);
  const auto known = attempts_.find(key);
  if (known != attempts_.end()) {
    Attempt& attempt = known->second;
    if (attempt.entry.job_id != 0) {
      holdSecrets(attempt, std::move(secrets));
      publish(attempt);
      co_return attempt.entry.job_id;
    }
    if (attempt.entry.cancelled) co_return failure(Code::Conflict, "pod {}: it was cancelled", plan.pod_uid());
    if (mayHaveJob(attempt.phase)) {
      co_return failure(Code::Timeout, "pod {}: an earlier submission is being settled: {}", plan.pod_uid(),
                        attempt.submit_error.message);
    }
  }
  // A journal may be lost, cut off or an old copy: the pod may have a job, which is known by its comment.
  if (known == attempts_.end() && !observed_) co_return failure(notSeenYet(plan.pod_uid()));
  const Status valid = slurm::validateOptions(plan.slurm());
  if (!valid) co_return failure(valid.error());
  if (known == attempts_.end()) {
    const uint32_t owner = ownerOf({options_.state_dir, plan.pod_uid(), plan.attempt()});
    if (owner != 0) {
      holdSecrets(takeOver(plan, owner), std::move(secrets));
      co_return owner;
    }
  }
  const std::vector<uint32_t> given_up =
      known == attempts_.end() ? std::vector<uint32_t>() : known->second.entry.given_up;
  JournalEntry entry{.uid = plan.pod_uid(),
                     .attempt = plan.attempt(),
                     .submitted_at = now(),
                     .plan_grace_seconds = plan.grace_seconds(),
                     .given_up = given_up};
  Attempt& attempt = add(std::move(entry), Phase::Intended);
  attempt.submitted = ticks();
  attempt.disconnected_since = ticks();
  Status prepared = prepareDirectory(attempt, plan, secrets);
  if (prepared) prepared = save(attempt);
  if (!prepared) {
    attempt.phase = Phase::NotSubmitted;
    attempt.submit_error = prepared.error().wrap("nothing was submitted");
    publish(attempt);
    co_return failure(attempt.submit_error);
  }
  holdSecrets(attempt, std::move(secrets));
  const pod::PodDirectory directory = directoryOf(attempt);
  slurm::Submission submission;
  submission.options = plan.slurm();
  submission.comment = slurm::commentOf(options_.cluster, plan.pod_uid(), plan.attempt());
  submission.directory = directory.path().string();
  submission.output = directory.output().string();
  submission.script = slurm::renderJobScript(options_.binary, directory.path().string());
  submission.grace_seconds = plan.grace_seconds();
  submission.deadline_seconds = plan.active_deadline_seconds();
  submission.default_partition = options_.default_partition;
  submission.default_account = options_.default_account;
  co_return co_await callSbatch(key, std::move(submission));
}

/// The journal does not know the pod, but a job has claimed its directory: it has run, or runs.
Attempt& Attempts::takeOver(const site::v1::PodPlan& plan, uint32_t job_id) {
  log::warn("pod {}: job {} has claimed its directory and is taken over", plan.pod_uid(), job_id);
  Attempt& attempt = add({.uid = plan.pod_uid(),
                          .attempt = plan.attempt(),
                          .phase = Phase::Waiting,
                          .job_id = job_id,
                          .submitted_at = now(),
                          .plan_grace_seconds = plan.grace_seconds()},
                         Phase::Waiting);
  attempt.job.id = job_id;
  attempt.submitted = ticks();
  attempt.disconnected_since = ticks();
  const Status saved = save(attempt);
  if (!saved) log::warn("{}", saved.error().message);
  publish(attempt);
  return attempt;
}

Task<Result<uint32_t>> Attempts::callSbatch(std::string key, slurm::Submission submission) {
  using Kind = slurm::SubmitOutcome::Kind;
  attempts_.at(key).phase = transition(attempts_.at(key).phase, Event::SubmitStarted);
  publish(attempts_.at(key));
  // The caller may be cancelled while sbatch runs (the tunnel broke): then the outcome is unknown.
  struct Unknown {
    Attempts& attempts;
    const std::string& key;
    bool settled = false;
    ~Unknown() {
      if (settled) return;
      Attempt& attempt = attempts.attempts_.at(key);
      attempt.sbatch_ended = attempts.ticks();
      attempt.submit_error = {Code::Timeout, "sbatch was interrupted"};
      attempts.move(attempt, Event::SubmitUnknown);
      attempts.publish(attempt);
    }
  } unknown{*this, key};
  const slurm::SubmitOutcome outcome = co_await driver_.submit(std::move(submission));
  unknown.settled = true;
  Attempt& attempt = attempts_.at(key);
  attempt.sbatch_ended = ticks();
  attempt.submit_error = outcome.error;
  if (outcome.kind == Kind::Accepted && attempt.entry.job_id == 0) attempt.entry.job_id = outcome.job_id;
  attempt.job.id = attempt.entry.job_id;
  // Slurm may give an id again.
  std::erase(attempt.entry.given_up, attempt.entry.job_id);
  switch (outcome.kind) {
    case Kind::Accepted:
      move(attempt, Event::SubmitAccepted);
      break;
    case Kind::Refused:
      move(attempt, Event::SubmitRefused);
      break;
    case Kind::NotSubmitted:
      move(attempt, Event::SubmitNotSubmitted);
      break;
    case Kind::Unknown:
      move(attempt, Event::SubmitUnknown);
      log::warn("pod {}: {}; the job is looked for before anything is submitted again", key, outcome.error.message);
      break;
  }
  if (!mayHaveJob(attempt.phase)) held_.forget(key);
  publish(attempt);
  if (attempt.entry.cancelled) cancellation_.set();
  const uint32_t job_id = attempts_.at(key).entry.job_id;
  if (job_id != 0) co_return job_id;
  co_return failure(outcome.error);
}

Result<bool> Attempts::cancel(const std::string& uid, int64_t grace_seconds) {
  const auto newest = newest_.find(uid);
  if (newest == newest_.end() && !observed_) return failure(notSeenYet(uid));
  if (newest == newest_.end()) return false;
  bool existed = false;
  for (auto& [key, attempt] : attempts_) {
    if (attempt.entry.uid != uid) continue;
    const bool shorter = attempt.entry.cancelled && grace_seconds < attempt.entry.grace_seconds;
    if (!attempt.entry.cancelled || shorter) {
      attempt.entry.grace_seconds = grace_seconds;
      attempt.entry.cancelled = true;
      const Status saved = save(attempt);
      if (!saved) return failure(saved.error().wrap(fmt::format("pod {}: the cancellation was not stored", uid)));
    }
    if (attempt.phase == Phase::Ended) continue;
    if (!mayHaveJob(attempt.phase)) {
      finish(attempt, Event::CancelledUnsent);
      publish(attempt);
      continue;
    }
    existed = true;
  }
  if (existed) cancellation_.set();
  return existed;
}

bool Attempts::hasCancellations() const {
  return std::any_of(attempts_.begin(), attempts_.end(),
                     [](const auto& item) { return item.second.entry.cancelled && !isOver(item.second.phase); });
}

Task<void> Attempts::runCancellations() {
  while (true) {
    if (hasCancellations()) {
      co_await pursueCancellations();
      co_await cancellation_.waitFor(std::chrono::seconds(1));
    } else {
      co_await cancellation_.wait();
    }
    cancellation_.reset();
  }
}

Task<void> Attempts::pursueCancellations() {
  std::vector<std::string> keys;
  for (const auto& [key, attempt] : attempts_) {
    if (attempt.entry.cancelled && !isOver(attempt.phase)) keys.push_back(key);
  }
  for (const std::string& key : keys) co_await pursue(key);
}

/// The next step to end an attempt; may be called at any time, and again.
Task<void> Attempts::pursue(std::string key) {
  Attempt* attempt = &attempts_.at(key);
  if (!mayHaveJob(attempt->phase)) {
    finish(*attempt, Event::CancelledUnsent);
    publish(*attempt);
    co_return;
  }
  if (attempt->entry.job_id == 0 || isOver(attempt->phase) || attempt->slurm_final) co_return;
  const int64_t grace = attempt->entry.grace_seconds;
  const uint32_t job_id = attempt->entry.job_id;
  const bool runs = attempt->phase == Phase::Active || attempt->connected;
  const bool gently = runs && (grace > 0 || attempt->phase == Phase::Vanished);
  if (gently && attempt->term_sent == 0) {
    attempt->term_sent = ticks();
    bool told = false;
    if (stop_supervisor_) told = co_await stop_supervisor_(key, grace);
    if (told) co_return;
    attempts_.at(key).term_sent = 0;
    const bool may = co_await mayCancel(key);
    if (!may) co_return;
    attempts_.at(key).term_sent = ticks();
    const Status sent = co_await driver_.cancel(job_id, slurm::CancelHow::TermBatch);
    if (!sent && !sent.error().is(Code::NotFound)) {
      log::warn("pod {}: {}", key, sent.error().message);
      attempts_.at(key).term_sent = 0;
    }
    co_return;
  }
  if (gently && ticks() - attempt->term_sent < grace + kReportSeconds) co_return;
  if (attempt->kill_sent != 0 && ticks() - attempt->kill_sent < kKillAgainAfter) co_return;
  const bool may = co_await mayCancel(key);
  if (!may) co_return;
  attempts_.at(key).kill_sent = ticks();
  const Status killed = co_await driver_.cancel(job_id, slurm::CancelHow::Kill);
  if (!killed && !killed.error().is(Code::NotFound)) {
    log::warn("pod {}: {}; tried again", key, killed.error().message);
    attempts_.at(key).kill_sent = ticks() - kKillAgainAfter + 2;
  }
}

/// Whether the id of this attempt's job is that of its job still: slurmctld gives ids again when it has lost its state.
Task<bool> Attempts::mayCancel(std::string key) {
  const uint32_t job_id = attempts_.at(key).entry.job_id;
  if (attempts_.at(key).phase == Phase::Vanished || idIsAnothers(key, job_id)) co_return false;
  if (ids_are_known_) co_return true;
  const auto found = co_await driver_.find(job_id);
  if (found) co_return belongsTo(attempts_.at(key), found->comment, found->work_dir);
  co_return false;
}

}  // namespace slipway::agent
