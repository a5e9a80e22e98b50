#pragma once

#include <deque>
#include <memory>
#include <optional>

#include "async/task_group.h"
#include "supervisor/container_process.h"
#include "supervisor/container_state.h"
#include "supervisor/pod_context.h"
#include "supervisor/program_entry.h"
#include "supervisor/restart_backoff.h"

namespace slipway::supervisor {

/// The life of one container of the pod, with all its restarts.
///
/// Life cycle: run() once, to its end; stop() at any time. On the supervisor's loop; owned by the PodSupervisor, which
/// keeps it until run() has returned and all sessions (exec, logs) are gone.
class ContainerRunner {
 public:
  enum class Kind { Init, Sidecar, Main, Ephemeral };
  ContainerRunner(PodContext& context, const site::v1::Container& plan, Kind kind, Executor executor);
  ~ContainerRunner();

  /// From its turn until it has ended for good. An exception that nobody expected ends the container with reason
  /// InternalError; only cancellation leaves.
  Task<void> run();
  /// preStop, TERM, and KILL after `grace`; no restart. A shorter grace of a later call counts.
  void stop(std::chrono::nanoseconds grace);
  /// Completes when it has started (startup probe passed) or will not run any more.
  Task<void> startedOrOver();
  Task<void> over();

  const site::v1::Container& plan() const { return plan_; }
  const std::string& name() const { return plan_.name(); }
  Kind kind() const { return kind_; }
  bool exited() const { return state_ == ContainerState::Exited; }
  /// How the last run ended; nothing if it never ran.
  const std::optional<site::v1::Terminated>& result() const { return result_; }
  /// Null when it does not run.
  ContainerProcess* process() const { return process_.get(); }
  /// The log of the present or last start; null before the first.
  const std::shared_ptr<ContainerLog>& log() const { return log_; }
  /// Whether a command can be started in it: at once on the host, otherwise when the runtime has entered the image.
  bool entered() const;
  /// What to start for a command beside the container's own. ServiceUnavailable when it does not run.
  Result<SpawnOptions> execOptions(const std::vector<std::string>& command, bool tty, bool with_input,
                                   const std::string& instance) const;

  /// Whether it would be started again if a probe had it killed.
  bool restartsAfterKill() const { return restartsAfter(kKilled); }
  /// For probes: what they found. A failed liveness or startup probe restarts the container.
  void setReady(bool ready);
  void setStarted();
  void restartFor(std::string reason, int64_t grace_seconds);
  /// A word to all ranks (rank_input.h); nothing where there are none.
  void tellRanks(std::string word);

 private:
  static constexpr int kKilled = 137;
  struct Stop {
    SteadyTime deadline;
    bool final = false;  ///< the pod ends; otherwise the container is started again
  };

  void handle(ContainerEvent event);
  bool restartsAfter(int exit_code) const;
  int stopSignal() const;
  bool stopWanted() const { return stop_ && stop_->final; }
  Task<void> live();
  void breakDown(const std::string& what);
  struct Fetched;
  Task<void> pull();
  Task<std::optional<Result<container::PreparedImage>>> fetchUnlessStopped(container::ImageRequest request);
  Task<std::optional<Result<container::PreparedImage>>> fetchTold(container::ImageRequest request);
  Task<bool> pullVolumes();
  void configFailed(const Error& error);
  void pullFailed(const std::string& image, const std::string& policy, const Error& error);
  void tellReason(const std::string& reason);
  Task<void> fetch(container::ImageRequest request, std::shared_ptr<Fetched> to);
  Task<void> start();
  /// The program itself runs.
  void announce();
  site::v1::Terminated cannotRun() const;
  void openLog();
  Task<void> watchProcess();
  Task<void> backOff();
  Task<void> stopper();
  Task<void> waitBackOff(std::chrono::nanoseconds delay, std::string reason, std::string message);
  Result<container::Launch> makeLaunch();
  /// Whether it is started on all nodes of the pod, as a step (ranks.h).
  bool spansNodes() const { return context_.step && kind_ == Kind::Main; }
  Task<void> stopRanks();
  Task<void> speakToRanks();
  /// A process of rank 0, which is on this node; 0 if it has not come to its container.
  pid_t firstRank() const;
  Status readFileKeys();
  Result<std::vector<container::Bind>> makeBinds();
  std::string instance() const;
  pid_t inside() const;
  std::map<std::string, std::string> environment() const;
  Task<void> afterStart(async::TaskGroup& group);
  Task<void> hookAndProbes(async::TaskGroup& group);
  void finish(site::v1::Terminated terminated);
  std::string terminationMessage(int exit_code) const;
  std::filesystem::path scratch() const;

  PodContext& context_;
  const site::v1::Container& plan_;
  Kind kind_;
  Executor executor_;
  ContainerState state_ = ContainerState::Waiting;
  uint32_t restarts_ = 0;
  RestartBackoff backoff_;
  RestartBackoff pull_backoff_;
  container::PreparedImage image_;
  std::map<std::string, std::string> file_values_;  ///< of variables, as found at this start
  container::Launch launch_;
  std::unique_ptr<ProgramEntry> entry_;  ///< of this start; null where there is no way to tell, and on the host
  bool announced_ = false;
  std::string failed_image_;  ///< of the last pull that failed and may do better; empty: it was something else
  std::string failed_why_;
  std::string told_;  ///< the reason of the last failure before a start, of which an event tells
  std::unique_ptr<ContainerProcess> process_;
  mutable pid_t inside_ = 0;  ///< a process in the container, as last found; 0: look
  std::shared_ptr<ContainerLog> log_;
  std::optional<site::v1::Terminated> result_;
  std::optional<Stop> stop_;
  int64_t started_at_ns_ = 0;
  uint64_t oom_kills_before_ = 0;
  bool probes_ready_ = false;
  bool has_started_ = false;
  std::deque<std::string> words_;  ///< to ranks, not written yet
  async::Event changed_;           ///< words_, stop_, has_started_ or state_
};

/// What an exception that nobody expects says; nothing when the task came to its end. Cancellation goes on unwinding.
Task<std::optional<std::string>> brokenBy(Task<void> task);

/// Times that the kernel killed for memory in this cgroup; 0 if that cannot be read.
uint64_t oomKills();

}  // namespace slipway::supervisor
