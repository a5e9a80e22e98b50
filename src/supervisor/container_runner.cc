#include "supervisor/container_runner.h"

#include "base/log.h"
#include "supervisor/probes.h"

namespace slipway::supervisor {

using site::v1::ContainerReport;
using site::v1::Terminated;

namespace {

constexpr int kBrokenExitCode = 128;

}  // namespace

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
  if (restartsByRule(plan_, exit_code)) return true;
  const std::string& policy = plan_.restart_policy().empty() ? context_.plan.restart_policy() : plan_.restart_policy();
  if (policy == "Never") return false;
  if (kind_ == Kind::Main && policy == "Always") return true;
  return exit_code != 0;
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
  stop_ = Stop{context_.clock.steady() + gracePeriod(grace), false};
  changed_.pulse();
}

Task<void> ContainerRunner::startedOrOver() {
  while (!has_started_ && !exited()) co_await changed_.wait();
}

Task<void> ContainerRunner::over() {
  while (!exited()) co_await changed_.wait();
}

Task<void> ContainerRunner::afterStart(async::TaskGroup& group) {
  Task<void> steps = hookAndProbes(group);
  const std::optional<std::string> broken = co_await brokenBy(std::move(steps));
  if (!broken) co_return;
  context_.board.event("Warning", "InternalError", *broken, plan_.name());
  restartFor(fmt::format("Container {} is ended: internal error: {}", plan_.name(), *broken), 0);
}

Task<void> ContainerRunner::hookAndProbes(async::TaskGroup& group) {
  if (entry_) {
    co_await entry_->settled();
    if (entry_->look() != ProgramEntry::State::Running) co_return;
    announce();
  }
  if (plan_.has_post_start()) {
    const Status hooked = co_await runHandler(context_, *this, plan_.post_start(), std::chrono::hours(1));
    if (!hooked) {
      // As a kubelet: what the hook said may be secret.
      log::info("container {}: postStart: {}", plan_.name(), hooked.error().message);
      context_.board.event("Warning", "FailedPostStartHook", "PostStartHook failed", plan_.name());
      restartFor("FailedPostStartHook", -1);
      co_return;
    }
  }
  co_await runProbes(context_, *this, group);
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
