// One start of a container, and the wait before the next.
#include "base/guarded_files.h"
#include "base/log.h"
#include "base/strings.h"
#include "supervisor/container_runner.h"
#include "supervisor/rank_input.h"

namespace slipway::supervisor {

using site::v1::ContainerReport;
using site::v1::Terminated;

namespace {

constexpr int kCannotRun = 128;

}  // namespace

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
  announced_ = false;
  entry_.reset();
  started_at_ns_ = context_.board.nowNs();
  oom_kills_before_ = oomKills();
  if (context_.rank) {
    log_.reset();
  } else {
    openLog();
  }
  Terminated failed;
  failed.set_exit_code(kCannotRun);
  failed.set_reason("ContainerCannotRun");
  auto launch = makeLaunch();
  if (!launch) {
    failed.set_message(launch.error().message);
  } else {
    launch_ = std::move(*launch);
    const std::vector<int> inherit = entry_ ? entry_->inherited() : std::vector<int>();
    auto spawned = spawn({launch_, 0, plan_.tty() && !spansNodes(), plan_.stdin() || spansNodes(), inherit});
    if (spawned) {
      if (entry_) entry_->begun();
      context_.board.event("Normal", "Created", fmt::format("Created container {}", plan_.name()), plan_.name());
      process_ = std::make_unique<ContainerProcess>(executor_, std::move(*spawned), instance());
      words_.clear();
      if (context_.live != nullptr) tellRanks(secretsWord(context_.live->forRank(plan_.name())));
      if (context_.rank)
        process_->listen([](int stream, std::string_view bytes) { (void)writeAll(stream + 1, bytes); });
      const auto log = log_;
      if (log)
        process_->listen(
            [this, log](int stream, std::string_view bytes) { log->write(stream, bytes, context_.clock.now()); });
      if (!entry_) announce();
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

void ContainerRunner::announce() {
  announced_ = true;
  context_.board.updateContainer(plan_.name(), [&](ContainerReport& report) {
    if (result_) *report.mutable_last_terminated() = *result_;
    report.mutable_running()->set_started_at_ns(started_at_ns_);
    report.set_restart_count(restarts_);
  });
  context_.board.event("Normal", "Started", fmt::format("Started container {}", plan_.name()), plan_.name());
}

/// Why the runtime, or our program in the container, did not come to the container's program.
Terminated ContainerRunner::cannotRun() const {
  Terminated failed;
  failed.set_reason("ContainerCannotRun");
  if (entry_->look() == ProgramEntry::State::Failed) {
    const SpawnFailure why = entry_->failure();
    failed.set_exit_code(why.exitCode());
    failed.set_message(why.message);
    return failed;
  }
  constexpr size_t kLines = 5;
  constexpr size_t kBytes = 1024;
  const auto said = pod::endOfLog(context_.directory.log(plan_.name(), restarts_), kLines, kBytes);
  failed.set_exit_code(kCannotRun);
  failed.set_message(fmt::format("{} cannot start the container: {}", context_.runtime.name(),
                                 said ? toValidUtf8(trim(*said)) : "the log says why"));
  return failed;
}

Task<void> ContainerRunner::backOff() {
  if (state_ == ContainerState::PullBackOff) {
    auto delay = pull_backoff_.next(std::chrono::nanoseconds(0));
    if (delay.count() == 0) delay = pull_backoff_.next(std::chrono::nanoseconds(0));
    const std::string message = fmt::format("Back-off pulling image \"{}\"", failed_image_);
    if (failed_image_.empty()) {
      co_await waitBackOff(delay, "", "");
    } else {
      context_.board.event("Normal", "BackOff", message, plan_.name());
      co_await waitBackOff(delay, "ImagePullBackOff", fmt::format("{}: ErrImagePull: {}", message, failed_why_));
    }
  } else {
    const std::chrono::nanoseconds ran(result_->finished_at_ns() - result_->started_at_ns());
    const auto delay = backoff_.next(ran);
    const std::string pod =
        fmt::format("{}_{}({})", context_.plan.name(), context_.plan.namespace_(), context_.plan.pod_uid());
    const std::string message =
        fmt::format("back-off {} restarting failed container={} pod={}", formatDuration(delay), plan_.name(), pod);
    ++restarts_;
    if (delay.count() > 0) {
      context_.board.updateContainer(plan_.name(), [&](ContainerReport& report) {
        *report.mutable_last_terminated() = *result_;
        report.mutable_waiting()->set_reason("CrashLoopBackOff");
        report.mutable_waiting()->set_message(message);
      });
      // Without the delay, so that it is one event with a count.
      context_.board.event("Warning", "BackOff",
                           fmt::format("Back-off restarting failed container {} in pod {}", plan_.name(), pod),
                           plan_.name());
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

}  // namespace slipway::supervisor
