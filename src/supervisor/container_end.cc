// The end of one run of a container: told to stop, or by itself.
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

#include "base/guarded_files.h"
#include "base/log.h"
#include "supervisor/container_runner.h"
#include "supervisor/probes.h"
#include "supervisor/rank_input.h"

namespace slipway::supervisor {

using site::v1::ContainerReport;
using site::v1::Terminated;

int ContainerRunner::stopSignal() const {
  for (int signal = 1; signal < SIGRTMIN && !plan_.stop_signal().empty(); ++signal) {
    const char* name = ::sigabbrev_np(signal);
    if (name != nullptr && plan_.stop_signal() == name) return signal;
  }
  return SIGTERM;
}

Task<void> ContainerRunner::stopper() {
  while (!stop_) co_await changed_.wait();
  handle(ContainerEvent::StopWanted);
  if (stop_->final) {
    context_.board.event("Normal", "Killing", fmt::format("Stopping container {}", plan_.name()), plan_.name());
  }
  if (plan_.has_pre_stop() && context_.clock.steady() < stop_->deadline) {
    const auto left = stop_->deadline - context_.clock.steady();
    const Status hooked = co_await runHandler(context_, *this, plan_.pre_stop(), left);
    if (!hooked) {
      log::info("container {}: preStop: {}", plan_.name(), hooked.error().message);
      context_.board.event("Warning", "FailedPreStopHook", "PreStopHook failed", plan_.name());
    }
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

void ContainerRunner::tellRanks(std::string word) {
  if (!spansNodes() || !process_) return;
  words_.push_back(std::move(word));
  changed_.pulse();
}

/// One after the other: a large one takes a while.
Task<void> ContainerRunner::speakToRanks() {
  while (true) {
    while (words_.empty()) co_await changed_.wait();
    std::string word = std::move(words_.front());
    words_.pop_front();
    const Status told = co_await process_->writeInput(std::move(word));
    if (!told) log::warn("container {}: {}", plan_.name(), told.error().message);
  }
}

Task<void> ContainerRunner::stopRanks() {
  tellRanks(stopWord(stop_->deadline - context_.clock.steady()));
  while (context_.clock.steady() < stop_->deadline)
    co_await changed_.waitFor(stop_->deadline - context_.clock.steady());
  tellRanks(stopWord(std::chrono::seconds(0)));
  co_await async::sleepFor(std::chrono::seconds(5));
  ::kill(process_->pid(), SIGTERM);  // srun ends the step
  co_await async::sleepFor(std::chrono::seconds(5));
}

Task<void> ContainerRunner::watchProcess() {
  async::TaskGroup group(executor_);
  group.spawn("after start", afterStart(group));
  group.spawn("stopper", stopper());
  if (spansNodes()) group.spawn("words", speakToRanks());
  const int status = co_await process_->wait(context_.timing.drain);
  co_await group.stop();
  Terminated ended;
  ended.set_exit_code(exitCodeOf(status));
  if (WIFSIGNALED(status)) ended.set_signal(WTERMSIG(status));
  ended.set_reason(ended.exit_code() == 0 ? "Completed" : "Error");
  // One that was told to end is killed by us, whatever the kernel did to another container meanwhile.
  if (ended.exit_code() == 137 && !stop_ && oomKills() > oom_kills_before_) ended.set_reason("OOMKilled");
  if (log_) log_->end(context_.clock.now());
  // A short program may have ended before its beginning was looked at.
  if (!announced_ && entry_->look() == ProgramEntry::State::Running) announce();
  const bool cannot_run = !announced_ && !stop_ && !WIFSIGNALED(status) && ended.reason() != "OOMKilled";
  ended.set_message(terminationMessage(ended.exit_code()));
  if (cannot_run) {
    ended = cannotRun();
    context_.board.event("Warning", "Failed", fmt::format("Error: {}", ended.message()), plan_.name());
  }
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

}  // namespace slipway::supervisor
