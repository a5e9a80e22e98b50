#include "supervisor/container_runner.h"

#include <signal.h>
#include <string.h>
#include <sys/wait.h>

#include "base/guarded_files.h"
#include "base/log.h"
#include "base/strings.h"
#include "supervisor/probes.h"
#include "supervisor/process_tree.h"

namespace slipway::supervisor {

using site::v1::ContainerReport;
using site::v1::Terminated;

namespace {

constexpr int kBrokenExitCode = 128;

/// What an exception that nobody expects says; nothing when the task came to its end. Cancellation goes on unwinding.
Task<std::optional<std::string>> brokenBy(Task<void> task) {
  try {
    co_await std::move(task);
  } catch (const boost::system::system_error& error) {
    if (error.code() == asio::error::operation_aborted) throw;
    co_return error.what();
  } catch (const std::exception& error) {
    co_return error.what();
  }
  co_return std::nullopt;
}

}  // namespace

ContainerRunner::ContainerRunner(PodContext& context, const site::v1::Container& plan, Kind kind, Executor executor)
    : context_(context),
      plan_(plan),
      kind_(kind),
      executor_(std::move(executor)),
      backoff_(context.timing),
      pull_backoff_(context.timing) {
  if (const ContainerReport* report = findReport(context.board.report(), plan.name()))
    restarts_ = report->restart_count();
}

ContainerRunner::~ContainerRunner() = default;

void ContainerRunner::handle(ContainerEvent event) {
  state_ = next(state_, event, result_ && restartsAfter(result_->exit_code()));
  changed_.pulse();
}

bool ContainerRunner::restartsAfter(int exit_code) const {
  if (stopWanted() || kind_ == Kind::Ephemeral) return false;
  if (kind_ == Kind::Sidecar) return true;
  const std::string& policy = plan_.restart_policy().empty() ? context_.plan.restart_policy() : plan_.restart_policy();
  if (policy == "Never") return false;
  if (kind_ == Kind::Main && policy == "Always") return true;
  return exit_code != 0;
}

int ContainerRunner::stopSignal() const {
  for (int signal = 1; signal < SIGRTMIN && !plan_.stop_signal().empty(); ++signal) {
    const char* name = ::sigabbrev_np(signal);
    if (name != nullptr && plan_.stop_signal() == name) return signal;
  }
  return SIGTERM;
}

Task<void> ContainerRunner::run() {
  Task<void> life = live();
  const std::optional<std::string> broken = co_await brokenBy(std::move(life));
  if (broken) breakDown(*broken);
}

void ContainerRunner::breakDown(const std::string& what) {
  const std::string message = fmt::format("container {}: internal error: {}", plan_.name(), what);
  log::error("{}", message);
  process_.reset();  // kills what runs
  stop_.reset();
  context_.board.event("Warning", "InternalError", message, plan_.name());
  Terminated ended;
  ended.set_exit_code(kBrokenExitCode);
  ended.set_reason("InternalError");
  ended.set_message(message);
  finish(std::move(ended));
  handle(ContainerEvent::Broken);
}

Task<void> ContainerRunner::live() {
  handle(ContainerEvent::Turn);
  while (state_ != ContainerState::Exited) {
    if (stopWanted() && state_ != ContainerState::Running) handle(ContainerEvent::StopWanted);
    switch (state_) {
      case ContainerState::Pulling:
        co_await pull();
        break;
      case ContainerState::Starting:
        co_await start();
        break;
      case ContainerState::Running:
      case ContainerState::Stopping:
        co_await watchProcess();
        break;
      case ContainerState::CrashBackOff:
      case ContainerState::PullBackOff:
        co_await backOff();
        break;
      default:
        break;
    }
  }
  changed_.pulse();
}

void ContainerRunner::stop(std::chrono::nanoseconds grace) {
  const SteadyTime deadline = context_.clock.steady() + grace;
  if (!stop_) stop_ = Stop{deadline, true};
  stop_->final = true;
  stop_->deadline = std::min(stop_->deadline, deadline);
  if (state_ == ContainerState::Waiting) handle(ContainerEvent::StopWanted);
  changed_.pulse();
}

void ContainerRunner::restartFor(std::string reason, int64_t grace_seconds) {
  if (stop_) return;
  const int64_t grace = grace_seconds >= 0 ? grace_seconds : context_.plan.grace_seconds();
  context_.board.event("Normal", "Killing", reason, plan_.name());
  kill_message_ = std::move(reason);
  stop_ = Stop{context_.clock.steady() + gracePeriod(grace), false};
  changed_.pulse();
}

Task<void> ContainerRunner::startedOrOver() {
  while (!has_started_ && !exited()) co_await changed_.wait();
}

Task<void> ContainerRunner::over() {
  while (!exited()) co_await changed_.wait();
}

struct ContainerRunner::Fetched {
  std::optional<Result<container::PreparedImage>> image;
  std::string broken;  ///< what an exception said
};

Task<void> ContainerRunner::fetch(container::ImageRequest request, std::shared_ptr<Fetched> to) {
  const auto prepare = [](container::ContainerRuntime& runtime, container::ImageRequest wanted,
                          std::shared_ptr<Fetched> out) -> Task<void> {
    out->image = co_await runtime.prepare(std::move(wanted));
  };
  Task<void> preparing = prepare(context_.runtime, std::move(request), to);
  const std::optional<std::string> broken = co_await brokenBy(std::move(preparing));
  if (broken) to->broken = *broken;
  changed_.pulse();
}

Task<void> ContainerRunner::pull() {
  container::ImageRequest request{plan_.image(), container::parsePullPolicy(plan_.image_pull_policy()), {}};
  for (const auto& each : context_.plan.registry_auth()) {
    request.credentials.push_back({each.registry(), each.username(), each.password()});
  }
  const auto fetched = std::make_shared<Fetched>();
  async::TaskGroup group(executor_);
  group.spawn("pull", fetch(std::move(request), fetched));
  while (!fetched->image && fetched->broken.empty() && !stopWanted()) co_await changed_.wait();
  co_await group.stop();
  if (!fetched->broken.empty()) throw std::runtime_error(fetched->broken);
  if (!fetched->image) co_return;  // the pod ends, and nobody waits for an image any more
  Result<container::PreparedImage>& image = *fetched->image;
  if (image) {
    image_ = std::move(*image);
    context_.board.updateContainer(plan_.name(), [&](ContainerReport& report) { report.set_image_id(image_.id); });
    handle(ContainerEvent::ImageReady);
    co_return;
  }
  std::string reason = "ErrImagePull";
  if (image.error().is(Code::Invalid)) reason = "InvalidImageName";
  if (plan_.image_pull_policy() == "Never") reason = "ErrImageNeverPull";
  context_.board.event("Warning", "Failed",
                       fmt::format("Failed to pull image \"{}\": {}", plan_.image(), image.error().message),
                       plan_.name());
  context_.board.updateContainer(plan_.name(), [&](ContainerReport& report) {
    report.mutable_waiting()->set_reason(reason);
    report.mutable_waiting()->set_message(image.error().message);
  });
  handle(ContainerEvent::ImageFailed);
}

Task<void> ContainerRunner::waitBackOff(std::chrono::nanoseconds delay, std::string reason, std::string message) {
  const SteadyTime end = context_.clock.steady() + delay;
  // The reason of the failure itself is to be seen for a moment before that of the waiting.
  const SteadyTime show =
      context_.clock.steady() + std::min<std::chrono::nanoseconds>(delay / 2, std::chrono::seconds(1));
  while (!stopWanted()) {
    const SteadyTime now = context_.clock.steady();
    if (now >= end) co_return;
    if (!reason.empty() && now >= show) {
      context_.board.updateContainer(plan_.name(), [&](ContainerReport& report) {
        report.mutable_waiting()->set_reason(reason);
        report.mutable_waiting()->set_message(message);
      });
      reason.clear();
    }
    co_await changed_.waitFor((reason.empty() ? end : show) - now);
  }
}

Task<void> ContainerRunner::backOff() {
  if (state_ == ContainerState::PullBackOff) {
    auto delay = pull_backoff_.next(std::chrono::nanoseconds(0));
    if (delay.count() == 0) delay = pull_backoff_.next(std::chrono::nanoseconds(0));
    const std::string message = fmt::format("Back-off pulling image \"{}\"", plan_.image());
    context_.board.event("Normal", "BackOff", message, plan_.name());
    co_await waitBackOff(delay, "ImagePullBackOff", message);
  } else {
    const std::chrono::nanoseconds ran(result_->finished_at_ns() - result_->started_at_ns());
    const auto delay = backoff_.next(ran);
    const std::string message =
        fmt::format("back-off {} restarting failed container={} pod={}_{}({})", formatDuration(delay), plan_.name(),
                    context_.plan.name(), context_.plan.namespace_(), context_.plan.pod_uid());
    ++restarts_;
    if (delay.count() > 0) {
      context_.board.updateContainer(plan_.name(), [&](ContainerReport& report) {
        *report.mutable_last_terminated() = *result_;
        report.mutable_waiting()->set_reason("CrashLoopBackOff");
        report.mutable_waiting()->set_message(message);
      });
      context_.board.event("Warning", "BackOff", message, plan_.name());
      co_await waitBackOff(delay, "", "");
    }
    if (stopWanted()) {
      // It ends as it was: the restart did not happen.
      --restarts_;
      context_.board.updateContainer(plan_.name(), [&](ContainerReport& report) {
        *report.mutable_terminated() = *result_;
        report.clear_last_terminated();
      });
    }
  }
  handle(stopWanted() ? ContainerEvent::StopWanted : ContainerEvent::BackOffOver);
}

void ContainerRunner::openLog() {
  const std::filesystem::path path = context_.directory.log(plan_.name(), restarts_);
  // As a kubelet: the present start's and the one before, for --previous.
  pod::removeLogsBefore(path.parent_path(), static_cast<int64_t>(restarts_) - 1);
  auto log = ContainerLog::create(path, context_.log_limits);
  if (log) {
    log_ = *log;
    return;
  }
  log_.reset();
  log::warn("container {} has no log: {}", plan_.name(), log.error().message);
}

Task<void> ContainerRunner::start() {
  has_started_ = false;
  probes_ready_ = !plan_.has_readiness_probe();
  kill_message_.clear();
  started_at_ns_ = context_.board.nowNs();
  oom_kills_before_ = oomKills();
  if (context_.rank) {
    log_.reset();
  } else {
    openLog();
  }
  Terminated failed;
  failed.set_exit_code(128);
  failed.set_reason("ContainerCannotRun");
  auto launch = makeLaunch();
  if (!launch) {
    failed.set_message(launch.error().message);
  } else {
    launch_ = std::move(*launch);
    auto spawned = spawn({launch_, 0, plan_.tty() && !spansNodes(), plan_.stdin() || spansNodes()});
    if (spawned) {
      process_ = std::make_unique<ContainerProcess>(executor_, std::move(*spawned), instance());
      if (context_.rank)
        process_->listen([](int stream, std::string_view bytes) { (void)writeAll(stream + 1, bytes); });
      const auto log = log_;
      if (log)
        process_->listen(
            [this, log](int stream, std::string_view bytes) { log->write(stream, bytes, context_.clock.now()); });
      context_.board.updateContainer(plan_.name(), [&](ContainerReport& report) {
        if (result_) *report.mutable_last_terminated() = *result_;
        report.mutable_running()->set_started_at_ns(started_at_ns_);
        report.set_restart_count(restarts_);
      });
      context_.board.event("Normal", "Started", fmt::format("Started container {}", plan_.name()), plan_.name());
      handle(ContainerEvent::Started);
      co_return;
    }
    failed.set_exit_code(spawned.error().exitCode());
    failed.set_message(spawned.error().message);
  }
  context_.board.event("Warning", "Failed", fmt::format("Error: {}", failed.message()), plan_.name());
  finish(std::move(failed));
  handle(ContainerEvent::StartFailed);
}

Task<void> ContainerRunner::afterStart(async::TaskGroup& group) {
  Task<void> steps = hookAndProbes(group);
  const std::optional<std::string> broken = co_await brokenBy(std::move(steps));
  if (!broken) co_return;
  context_.board.event("Warning", "InternalError", *broken, plan_.name());
  restartFor(fmt::format("Container {} is ended: internal error: {}", plan_.name(), *broken), 0);
}

Task<void> ContainerRunner::hookAndProbes(async::TaskGroup& group) {
  if (plan_.has_post_start()) {
    const Status hooked = co_await runHandler(context_, *this, plan_.post_start(), std::chrono::hours(1));
    if (!hooked) {
      context_.board.event("Warning", "FailedPostStartHook", hooked.error().message, plan_.name());
      restartFor(fmt::format("Container {} failed postStart hook", plan_.name()), -1);
      co_return;
    }
  }
  co_await runProbes(context_, *this, group);
}

Task<void> ContainerRunner::stopper() {
  while (!stop_) co_await changed_.wait();
  handle(ContainerEvent::StopWanted);
  if (plan_.has_pre_stop() && context_.clock.steady() < stop_->deadline) {
    const auto left = stop_->deadline - context_.clock.steady();
    const Status hooked = co_await runHandler(context_, *this, plan_.pre_stop(), left);
    if (!hooked) context_.board.event("Warning", "FailedPreStopHook", hooked.error().message, plan_.name());
  }
  if (spansNodes()) co_await stopRanks();
  process_->terminate(stopSignal());
  while (context_.clock.steady() < stop_->deadline)
    co_await changed_.waitFor(stop_->deadline - context_.clock.steady());
  // A process that ignores TERM: all that belongs to the container goes.
  while (true) {
    process_->kill();
    co_await async::sleepFor(std::chrono::milliseconds(500));
  }
}

Task<void> ContainerRunner::stopRanks() {
  std::string word = stopWord(stop_->deadline - context_.clock.steady());
  const Status told = co_await process_->writeInput(std::move(word));
  if (!told) log::warn("container {}: {}", plan_.name(), told.error().message);
  while (context_.clock.steady() < stop_->deadline)
    co_await changed_.waitFor(stop_->deadline - context_.clock.steady());
  word = stopWord(std::chrono::seconds(0));
  (void)co_await process_->writeInput(std::move(word));
  co_await async::sleepFor(std::chrono::seconds(5));
  ::kill(process_->pid(), SIGTERM);  // srun ends the step
  co_await async::sleepFor(std::chrono::seconds(5));
}

Task<void> ContainerRunner::watchProcess() {
  async::TaskGroup group(executor_);
  group.spawn("after start", afterStart(group));
  group.spawn("stopper", stopper());
  const int status = co_await process_->wait(context_.timing.drain);
  co_await group.stop();
  Terminated ended;
  ended.set_exit_code(exitCodeOf(status));
  if (WIFSIGNALED(status)) ended.set_signal(WTERMSIG(status));
  const bool killed = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
  ended.set_reason(ended.exit_code() == 0 ? "Completed" : "Error");
  if (killed || ended.exit_code() == 137) {
    if (oomKills() > oom_kills_before_) ended.set_reason("OOMKilled");
  }
  if (log_) log_->end(context_.clock.now());
  ended.set_message(terminationMessage(ended.exit_code()));
  if (spansNodes()) ended = stepEnd(context_.directory, plan_.name(), restarts_, std::move(ended));
  process_.reset();
  if (stop_ && !stop_->final) stop_.reset();
  finish(std::move(ended));
  handle(ContainerEvent::Ended);
}

void ContainerRunner::finish(Terminated terminated) {
  if (log_ && !log_->ended()) log_->end(context_.clock.now());
  terminated.set_started_at_ns(started_at_ns_);
  terminated.set_finished_at_ns(context_.board.nowNs());
  result_ = terminated;
  has_started_ = false;
  if (const Status removed = removeTree(scratch()); !removed) log::warn("{}", removed.error().message);
  context_.board.updateContainer(plan_.name(), [&](ContainerReport& report) {
    *report.mutable_terminated() = *result_;
    report.set_restart_count(restarts_);
    report.set_ready(kind_ == Kind::Init && result_->exit_code() == 0);
    report.set_started(false);
  });
}

void ContainerRunner::setReady(bool ready) {
  probes_ready_ = ready;
  const bool shown = ready && has_started_;
  const ContainerReport* now = findReport(context_.board.report(), plan_.name());
  if (now != nullptr && now->ready() == shown) return;
  context_.board.updateContainer(plan_.name(), [&](ContainerReport& report) { report.set_ready(shown); });
}

void ContainerRunner::setStarted() {
  has_started_ = true;
  context_.board.updateContainer(plan_.name(), [&](ContainerReport& report) {
    report.set_started(true);
    report.set_ready(probes_ready_);
  });
  changed_.pulse();
}

}  // namespace slipway::supervisor
