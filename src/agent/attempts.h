#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "agent/attempt_phase.h"
#include "agent/event_trail.h"
#include "agent/held_secrets.h"
#include "agent/inventory.h"
#include "agent/journal.h"
#include "agent/verdict.h"
#include "async/event.h"
#include "base/clock.h"
#include "pod/layout.h"
#include "slurm/driver.h"

namespace slipway::agent {

/// By which way secrets come to supervisors.
enum class SecretsWay {
  Auto,  ///< by the hub; as a file where a supervisor has found that it cannot reach it
  Hub,   ///< never as a file: without the hub a pod that has secrets does not start
  File,  ///< as a file at once, for sites where no compute node reaches the agent
};

struct AttemptOptions {
  std::string cluster;  ///< in comments
  std::filesystem::path state_dir;
  std::string binary;  ///< path of slipway as compute nodes see it
  std::string default_partition;
  std::string default_account;
  /// An sbatch of unknown outcome may still be on its way into slurmctld for as long.
  std::chrono::seconds settle_after = std::chrono::seconds(60);
  /// A job that neither Slurm nor accounting knows is reported as unknown after that.
  std::chrono::seconds unknown_after = std::chrono::seconds(120);
  /// The supervisor's last report may be late (network file systems cache) by as much.
  std::chrono::seconds report_grace = std::chrono::seconds(15);
  /// A job that vanished while it was alive, and sooner than Slurm forgets ended ones, is lost after that.
  std::chrono::seconds lost_after = std::chrono::seconds(10);
  /// A job that slurmctld lost while it ran is over when its supervisor has been away for as long: slurmd ends jobs
  /// that slurmctld does not know.
  std::chrono::seconds lost_running_after = std::chrono::seconds(60);
  /// Slurm's MinJobAge: for as long it remembers an ended job.
  std::chrono::seconds min_job_age = std::chrono::seconds(300);
  SecretsWay secrets = SecretsWay::Auto;
  /// A supervisor's word that it cannot reach the hub counts when the agent has been there for as long.
  std::chrono::seconds hub_patience = std::chrono::seconds(45);
  std::chrono::seconds keep_deleted = std::chrono::minutes(10);
  std::chrono::seconds keep_ended = std::chrono::hours(24 * 7);
};

/// One attempt of a pod.
struct Attempt {
  JournalEntry entry;
  Phase phase = Phase::Intended;
  OwnJob job;                      ///< as last seen
  site::v1::PodReport supervisor;  ///< its last report; pod_uid empty: none yet
  site::v1::PodReport published;   ///< what watchers were last told
  EventTrail events;               ///< of its supervisor
  uint64_t secrets_left = 0;       ///< sequence of the report for which secrets were left as a file; 0: none lie there
  uint64_t stale_sequence = 0;     ///< reports up to this one are of a run before a requeue
  bool connected = false;
  // Times are ticks() of the agent; 0: not (yet).
  int64_t submitted = 0;  ///< the intent
  int64_t sbatch_ended = 0;
  int64_t missing_since = 0;
  int64_t last_alive = 0;          ///< when Slurm last had the job and it had not ended
  int64_t reported = 0;            ///< the last report of this run came
  int64_t disconnected_since = 0;  ///< the supervisor; or since this agent started
  int64_t final_since = 0;         ///< Slurm's final word came, the report is waited for
  int64_t ended = 0;               ///< or when this agent started
  bool ended_before = false;       ///< this agent started
  bool slurm_final = false;
  bool alive = false;               ///< of one that is over: Slurm still has a job that is not
  bool ended_but_requeued = false;  ///< Slurm would run again what is over
  bool unknown_to_slurm = false;    ///< while it is missing: slurmctld, asked for its id, does not know it
  std::string told_reason;          ///< of Slurm, why it waits: what an event was made of
  Error submit_error;
  // Cancelling.
  int64_t term_sent = 0;
  int64_t kill_sent = 0;
};

/// All pods that this agent has submitted, and what becomes of them.
///
/// The truth comes from four sides: the journal (what was intended), Slurm (observe(), after each good poll),
/// accounting, and the supervisor (report(), or its file). Nothing ends a pod but a final word of one of them: absence
/// never does. Each change makes a new PodReport for the watchers. Runs on one loop; owns the journal, borrows the
/// driver.
class Attempts {
 public:
  /// Asks the supervisor of an attempt to stop its containers; false when it is not connected.
  using StopSupervisor = std::function<Task<bool>(std::string key, int64_t grace)>;
  /// What a supervisor needs to reach us.
  using MakeHubFile = std::function<Result<pod::HubFile>(const std::string& uid, uint32_t attempt)>;

  Attempts(AttemptOptions options, slurm::Driver& driver, SubmissionJournal journal, const Clock& clock);

  void setHub(StopSupervisor stop, MakeHubFile make) {
    stop_supervisor_ = std::move(stop);
    make_hub_file_ = std::move(make);
  }

  /// The job of this attempt: the one that exists, or a new one. Errors: of Slurm's refusal (Invalid, Forbidden), of
  /// what did not reach it (ServiceUnavailable, TooManyRequests, ...), InsufficientStorage; Timeout while an earlier
  /// outcome is being settled: call again.
  Task<Result<uint32_t>> submit(site::v1::PodPlan plan);
  /// Remembers that the pod is to end, and begins to end it. False: there is nothing of it.
  /// runCancellations() does it. Error: it could not be stored, or the journal is new and Slurm has not been seen yet,
  /// so that whether the pod has a job is not known.
  Result<bool> cancel(const std::string& uid, int64_t grace_seconds);

  /// Seconds that pass whatever happens to the wall clock. Never 0.
  int64_t ticks() const;
  /// A poll failed: slurmctld may have lost what it knew, and give ids again that it has given before.
  void slurmAway() { ids_are_known_ = false; }
  /// After a good poll that began at `began` (ticks). Sees what jobs do, settles, adopts, cancels, asks accounting,
  /// forgets.
  Task<void> observe(std::vector<OwnJob> jobs, int64_t began);
  /// Takes each cancellation its next step, also while Slurm gives no inventory; for ever.
  Task<void> runCancellations();
  /// One round of it.
  Task<void> pursueCancellations();
  bool hasCancellations() const;

  /// What a supervisor says. A failure is final only when Slurm has confirmed that the job is over: a job that is
  /// requeued or preempted is told to stop as well, and runs again.
  void report(const std::string& key, site::v1::PodReport report);
  /// A failure was reported and waits for Slurm's word: a poll is worth its price. For the poller.
  async::Event& wantsPoll() { return wants_poll_; }
  void setConnected(const std::string& key, bool connected);

  /// Attempts whose supervisors wait for what their plans leave out. For the courier, as the next three.
  std::vector<std::string> wantingSecrets() const;
  async::Event& secretsWanted() { return secrets_wanted_; }
  /// Null: the controller has to give them again, and its watcher sees that in the report.
  const site::v1::PodSecrets* secretsOf(const std::string& key) const { return held_.find(key); }
  /// Where the supervisor has asked for it and it is allowed; fine and nothing done otherwise.
  Status leaveSecretsAsFile(const std::string& key);

  /// The newest attempt of the pod; null if unknown.
  const Attempt* find(const std::string& uid) const;
  pod::PodDirectory directoryOf(const Attempt& attempt) const;
  const std::map<std::string, Attempt>& all() const { return attempts_; }
  /// Reports that changed after `version`, which becomes the newest.
  std::vector<site::v1::PodReport> reportsSince(uint64_t& version) const;
  async::Event& changed() { return changed_; }
  void setCluster(std::string cluster) { options_.cluster = std::move(cluster); }
  void setMinJobAge(std::chrono::seconds age) { options_.min_job_age = age; }

 private:
  int64_t now() const;
  /// Of a run before the one that Slurm tells of.
  static bool isStale(const Attempt& attempt, const site::v1::PodReport& report);
  Attempt& add(JournalEntry entry, Phase phase);
  void move(Attempt& attempt, Event event);
  Status save(Attempt& attempt);
  void publish(Attempt& attempt);
  site::v1::PodReport compose(const Attempt& attempt) const;

  Status prepareDirectory(Attempt& attempt, const site::v1::PodPlan& plan, const site::v1::PodSecrets& secrets);
  Attempt& takeOver(const site::v1::PodPlan& plan, uint32_t job_id);
  void holdSecrets(Attempt& attempt, site::v1::PodSecrets secrets);
  void heedWants(Attempt& attempt);
  bool secretsGoAsFiles() const;
  Task<Result<uint32_t>> callSbatch(std::string key, slurm::Submission submission);
  void see(Attempt& attempt, const OwnJob& job, int64_t began);
  void seeAfterEnd(Attempt& attempt, const OwnJob& job, int64_t began);
  void adopt(const OwnJob& job, int64_t began);
  void requeued(Attempt& attempt, const OwnJob& job);
  Task<void> cancelRequeued(uint32_t job_id, std::string key);
  void finish(Attempt& attempt, Event event);
  bool readReportFile(Attempt& attempt);
  bool isFinalNow(const Attempt& attempt) const;
  Task<void> settleAll(std::vector<std::string> keys, int64_t began);
  void settle(const std::string& key, int64_t began, const Result<std::vector<slurm::AccountedJob>>& accounted);
  bool belongsTo(const Attempt& attempt, const std::string& comment, const std::string& directory) const;
  /// The job that claimed the pod's directory (job_script.h); 0 if none has yet.
  static uint32_t ownerOf(const pod::PodDirectory& directory);
  Task<bool> mayCancel(std::string key);
  Task<void> askAccounting(std::vector<std::string> keys);
  Task<void> cancelHeld(uint32_t job_id, std::string key);
  void giveUpJob(Attempt& attempt, Error why);
  void conclude(Attempt& attempt, const Result<std::vector<slurm::AccountedJob>>& accounted);
  Task<void> askForMissing(std::vector<std::string> keys);
  bool lostUnbegun(const Attempt& attempt) const;
  /// slurmctld does not know a job that was alive too short a time ago to have been forgotten.
  bool isLost(const Attempt& attempt) const;
  bool lostWhileRunning(const Attempt& attempt) const;
  bool idIsAnothers(const std::string& key, uint32_t job_id) const;
  void explainWaiting(Attempt& attempt);
  Task<void> cancelDuplicate(OwnJob job, std::string key);
  Task<void> pursue(std::string key);
  void collectGarbage();

  AttemptOptions options_;
  slurm::Driver& driver_;
  SubmissionJournal journal_;
  const Clock& clock_;
  StopSupervisor stop_supervisor_;
  MakeHubFile make_hub_file_;
  std::map<std::string, Attempt> attempts_;   ///< by "<uid>/<attempt>"
  std::map<std::string, uint32_t> newest_;    ///< uid → attempt
  std::map<std::string, uint64_t> versions_;  ///< of the published reports
  uint64_t version_ = 0;
  bool observed_ = false;
  bool ids_are_known_ = false;  ///< no poll failed since the last good one
  uint64_t sequence_ = 0;
  async::Event changed_;
  async::Event cancellation_;
  async::Event wants_poll_;
  HeldSecrets held_;
  async::Event secrets_wanted_;
  int64_t started_ = 0;          ///< ticks
  bool nodes_reach_hub_ = true;  ///< as far as was seen last
};

}  // namespace slipway::agent
