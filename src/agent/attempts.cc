#include "agent/attempts.h"

#include "base/log.h"
#include "pod/phase.h"
#include "slurm/states.h"

namespace slipway::agent {

using site::v1::PodReport;

namespace {

int64_t seconds(WallTime time) {
  return std::chrono::duration_cast<std::chrono::seconds>(time.time_since_epoch()).count();
}

/// The phase that the journal keeps for one of memory: what is in progress counts as an intent.
Phase journalPhase(Phase phase) {
  switch (phase) {
    case Phase::Submitting:
    case Phase::Unsettled:
      return Phase::Intended;
    case Phase::Active:
    case Phase::Vanished:
      return Phase::Waiting;
    default:
      return phase;
  }
}

}  // namespace

Attempts::Attempts(AttemptOptions options, slurm::Driver& driver, SubmissionJournal journal, const Clock& clock)
    : options_(std::move(options)),
      driver_(driver),
      journal_(std::move(journal)),
      clock_(clock),
      // Reports of an agent that restarted must be newer than those before.
      sequence_(static_cast<uint64_t>(
          std::chrono::duration_cast<std::chrono::microseconds>(clock.now().time_since_epoch()).count())) {
  started_ = ticks();
  for (const auto& [key, entry] : journal_.entries()) {
    Attempt& attempt = add(entry, transition(entry.phase, Event::AgentRestarted));
    attempt.sbatch_ended = ticks();
    attempt.submitted = ticks() - std::clamp<int64_t>(now() - entry.submitted_at, 0, ticks() - 1);
    attempt.disconnected_since = ticks();
    attempt.ended = ticks();
    attempt.ended_before = attempt.phase == Phase::Ended;
    if (attempt.phase == Phase::Unsettled) {
      attempt.submit_error = {Code::Timeout, "the agent was restarted before it had heard of sbatch's outcome"};
    }
    attempt.job.id = entry.job_id;
    attempt.job.state = entry.slurm_state;
    attempt.job.exit_code = entry.exit_code;
    attempt.slurm_final = !entry.slurm_state.empty();
    readReportFile(attempt);
    publish(attempt);
  }
}

int64_t Attempts::now() const {
  return seconds(clock_.now());
}

int64_t Attempts::ticks() const {
  // So far from 0 that what was before the start of the machine has a place.
  constexpr int64_t kStart = 1'000'000'000;
  return kStart + std::chrono::duration_cast<std::chrono::seconds>(clock_.steady().time_since_epoch()).count();
}

Attempt& Attempts::add(JournalEntry entry, Phase phase) {
  const std::string key = SubmissionJournal::keyOf(entry.uid, entry.attempt);
  uint32_t& newest = newest_.try_emplace(entry.uid, entry.attempt).first->second;
  newest = std::max(newest, entry.attempt);
  Attempt& attempt = attempts_[key];
  attempt.entry = std::move(entry);
  attempt.phase = phase;
  return attempt;
}

Status Attempts::save(Attempt& attempt) {
  attempt.entry.phase = journalPhase(attempt.phase);
  if (attempt.slurm_final) {
    attempt.entry.slurm_state = attempt.job.state;
    attempt.entry.exit_code = attempt.job.exit_code;
  }
  const std::string key = SubmissionJournal::keyOf(attempt.entry.uid, attempt.entry.attempt);
  const auto known = journal_.entries().find(key);
  if (known != journal_.entries().end() && known->second == attempt.entry) return {};
  return journal_.put(attempt.entry);
}

void Attempts::move(Attempt& attempt, Event event) {
  const Phase before = attempt.phase;
  attempt.phase = transition(before, event);
  if (attempt.phase == before) return;
  log::debug("pod {} attempt {}: {} → {} (job {})", attempt.entry.uid, attempt.entry.attempt, nameOf(before),
             nameOf(attempt.phase), attempt.entry.job_id);
  if (attempt.phase == Phase::Ended) {
    attempt.entry.ended_at = now();
    attempt.ended = ticks();
  }
  const Status saved = save(attempt);
  // Whatever is not on disk is found again by the job's comment.
  if (!saved) log::warn("{}", saved.error().message);
}

const Attempt* Attempts::find(const std::string& uid) const {
  const auto newest = newest_.find(uid);
  if (newest == newest_.end()) return nullptr;
  const auto attempt = attempts_.find(SubmissionJournal::keyOf(uid, newest->second));
  return attempt == attempts_.end() ? nullptr : &attempt->second;
}

pod::PodDirectory Attempts::directoryOf(const Attempt& attempt) const {
  return {options_.state_dir, attempt.entry.uid, attempt.entry.attempt};
}

bool Attempts::isStale(const Attempt& attempt, const PodReport& report) {
  // A run that has ended well needs no other after it, whatever Slurm intends.
  if (report.stage() == PodReport::SUCCEEDED) return false;
  if (report.slurm_restarts() < attempt.job.restarts) return true;
  return attempt.stale_sequence != 0 && report.sequence() <= attempt.stale_sequence;
}

void Attempts::report(const std::string& key, PodReport report) {
  const auto found = attempts_.find(key);
  if (found == attempts_.end()) return;
  Attempt& attempt = found->second;
  if (isStale(attempt, report)) return;
  attempt.events.addNew(report);
  attempt.supervisor = std::move(report);
  attempt.reported = ticks();
  heedWants(attempt);
  if (attempt.phase == Phase::Submitting || attempt.phase == Phase::Unsettled) {
    // The supervisor was quicker than sbatch's answer or than the next poll.
    if (attempt.supervisor.job_id() != 0) {
      attempt.entry.job_id = attempt.supervisor.job_id();
      move(attempt, Event::JobFound);
    }
  }
  if (attempt.phase == Phase::Waiting) move(attempt, Event::SlurmActive);
  if (isFinalNow(attempt)) {
    finish(attempt, Event::ReportedFinal);
  } else if (isFinalStage(attempt.supervisor.stage())) {
    wants_poll_.set();
  }
  publish(attempt);
}

void Attempts::setConnected(const std::string& key, bool connected) {
  const auto found = attempts_.find(key);
  if (found == attempts_.end()) return;
  Attempt& attempt = found->second;
  attempt.connected = connected;
  attempt.disconnected_since = connected ? 0 : ticks();
  if (connected) nodes_reach_hub_ = true;
  if (!connected || std::exchange(attempt.entry.reached_hub, true)) return;
  const Status noted = journal_.note(attempt.entry);
  if (!noted) log::warn("{}", noted.error().message);
}

bool Attempts::readReportFile(Attempt& attempt) {
  auto report = pod::readReport(directoryOf(attempt));
  if (!report) return false;
  const bool older = report->sequence() <= attempt.supervisor.sequence() && !attempt.supervisor.pod_uid().empty();
  if (older || isStale(attempt, *report)) return false;
  attempt.events.addNewest(*report);
  attempt.supervisor = std::move(*report);
  attempt.reported = ticks();
  heedWants(attempt);
  return true;
}

bool Attempts::isFinalNow(const Attempt& attempt) const {
  const PodReport::Stage stage = attempt.supervisor.stage();
  return stage == PodReport::SUCCEEDED ||
         (stage == PodReport::FAILED && (attempt.entry.cancelled || attempt.slurm_final));
}

void Attempts::finish(Attempt& attempt, Event event) {
  move(attempt, event);
  if (attempt.phase != Phase::Ended) return;
  const pod::PodDirectory directory = directoryOf(attempt);
  std::error_code ignored;
  std::filesystem::remove(directory.plan(), ignored);
  std::filesystem::remove(directory.hub(), ignored);
  std::filesystem::remove(directory.secrets(), ignored);
  held_.forget(SubmissionJournal::keyOf(attempt.entry.uid, attempt.entry.attempt));
}

PodReport Attempts::compose(const Attempt& attempt) const {
  PodReport report = attempt.supervisor;
  const bool from_supervisor = !report.pod_uid().empty();
  const std::string key = SubmissionJournal::keyOf(attempt.entry.uid, attempt.entry.attempt);
  const bool asks = attempt.phase == Phase::Active && report.wants_secrets() && held_.find(key) == nullptr;
  report.set_wants_secrets(asks);
  if (!asks) report.clear_hub_unreachable();
  report.set_pod_uid(attempt.entry.uid);
  report.set_attempt(attempt.entry.attempt);
  report.set_job_id(attempt.entry.job_id);
  report.set_slurm_restarts(std::max(report.slurm_restarts(), attempt.job.restarts));
  if (!attempt.job.node.empty()) report.set_node(attempt.job.node);
  const auto say = [&report](PodReport::Stage stage, std::string reason, std::string message) {
    report.set_stage(stage);
    report.set_reason(std::move(reason));
    report.set_message(std::move(message));
  };
  switch (attempt.phase) {
    case Phase::Intended:
    case Phase::Submitting:
      say(PodReport::SUBMITTING, "", "");
      break;
    case Phase::Unsettled:
      say(PodReport::SUBMITTING, "OutcomeUnknown",
          "whether Slurm took the job is not known yet; nothing is submitted again before that: " +
              attempt.submit_error.message);
      break;
    case Phase::Refused:
      say(PodReport::REFUSED, std::string(statusReason(attempt.submit_error.code)), attempt.submit_error.message);
      break;
    case Phase::NotSubmitted:
      say(PodReport::REFUSED, "NotSubmitted", attempt.submit_error.message);
      break;
    case Phase::Waiting:
      say(PodReport::QUEUED, attempt.job.reason == "None" ? "" : attempt.job.reason, whatToDoAboutWaiting(attempt.job));
      break;
    case Phase::Active:
      if (!from_supervisor) say(PodReport::STARTING, "", "");
      if (from_supervisor) report.set_stage(PodReport::RUNNING);
      if (report.message() == pod::kToldToEnd) {
        // An API server takes no container back that has ended, and Slurm may requeue the job.
        *report.mutable_containers() = attempt.published.containers();
        report.clear_reason();
        report.clear_message();
      }
      break;
    case Phase::Vanished:
      if (attempt.missing_since != 0 && ticks() - attempt.missing_since >= options_.unknown_after.count()) {
        say(PodReport::UNKNOWN, "JobVanished",
            fmt::format("Slurm and its accounting do not know job {} any more and it left no report: whether it ended "
                        "well is not known",
                        attempt.entry.job_id));
      } else if (attempt.published.pod_uid() == attempt.entry.uid) {
        say(attempt.published.stage(), attempt.published.reason(), attempt.published.message());
      }
      break;
    case Phase::Ended: {
      const bool by_supervisor = isFinalStage(attempt.supervisor.stage());
      if (attempt.entry.job_id == 0) {
        say(PodReport::FAILED, "Cancelled", "cancelled before it was submitted");
        break;
      }
      Verdict verdict = verdictOf(attempt.job, attempt.entry.cancelled);
      if (verdict.reason == "Error" && !attempt.entry.cancelled &&
          endedByTimeSignal(attempt.job, attempt.supervisor, attempt.entry.plan_grace_seconds)) {
        verdict = verdictOf({.id = attempt.job.id, .state = "TIMEOUT"}, false);
      }
      if (!by_supervisor && !attempt.slurm_final) {
        say(PodReport::UNKNOWN, "JobVanished",
            fmt::format("job {} is gone and the agent has lost how it ended", attempt.entry.job_id));
      } else if (!by_supervisor) {
        say(verdict.stage, verdict.reason, verdict.message);
        if (report.finished_at_ns() == 0) report.set_finished_at_ns(attempt.job.end_time * 1'000'000'000);
      } else if (attempt.slurm_final) {
        amend(report, verdict);
      }
      break;
    }
  }
  return report;
}

void Attempts::publish(Attempt& attempt) {
  PodReport report = compose(attempt);
  report.set_sequence(attempt.published.sequence());
  if (!attempt.events.fresh() && report.SerializeAsString() == attempt.published.SerializeAsString()) return;
  report.set_sequence(++sequence_);
  attempt.published = std::move(report);
  versions_[SubmissionJournal::keyOf(attempt.entry.uid, attempt.entry.attempt)] = ++version_;
  attempt.events.stamp(version_, now());
  changed_.pulse();
}

std::vector<PodReport> Attempts::reportsSince(uint64_t& version) const {
  std::vector<PodReport> out;
  for (const auto& [key, changed] : versions_) {
    if (changed <= version) continue;
    const auto attempt = attempts_.find(key);
    if (attempt == attempts_.end()) continue;
    out.push_back(attempt->second.published);
    attempt->second.events.tell(out.back(), version, now());
  }
  version = version_;
  return out;
}

}  // namespace slipway::agent
