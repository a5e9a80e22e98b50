#include "supervisor/rank.h"

#include <signal.h>
#include <unistd.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/signal_set.hpp>

#include "async/loop.h"
#include "base/guarded_files.h"
#include "base/log.h"
#include "base/strings.h"
#include "supervisor/container_runner.h"
#include "supervisor/job_facts.h"
#include "supervisor/network_files.h"
#include "supervisor/node_volumes.h"

namespace slipway::supervisor {
namespace {

/// What is left of the plan for one start of one container: restarts, hooks and probes are the supervisor's.
Result<site::v1::PodPlan> planOfRank(const pod::PodDirectory& directory, const std::string& container,
                                     const Rank& rank) {
  TRY(site::v1::PodPlan plan, pod::readPlan(directory));
  if (!pod::isSafeFileName(plan.pod_uid())) return failure(Code::Invalid, "\"{}\" is not a pod's uid", plan.pod_uid());
  site::v1::Container found;
  for (const auto& each : plan.containers()) {
    if (each.name() == container) found = each;
  }
  if (found.name().empty()) return failure(Code::NotFound, "the pod has no container \"{}\"", container);
  found.clear_startup_probe();
  found.clear_readiness_probe();
  found.clear_liveness_probe();
  found.clear_post_start();
  found.clear_pre_stop();
  found.clear_tty();
  found.clear_stdin();
  found.set_image_pull_policy("IfNotPresent");  // the supervisor has seen to it
  plan.clear_init_containers();
  plan.clear_containers();
  *plan.add_containers() = found;
  plan.set_restart_policy("Never");
  if (rank.node_index > 0 && !plan.hostname().empty()) {
    const std::string suffix = fmt::format("-{}", rank.node_index);
    plan.set_hostname(plan.hostname().substr(0, 63 - suffix.size()) + suffix);
  }
  return plan;
}

uint32_t numberOf(const SupervisorOptions& options, const std::string& name) {
  const auto found = options.env.find(name);
  return found == options.env.end() ? 0 : static_cast<uint32_t>(parseInt(found->second).value_or(0));
}

Task<void> stopRankOnSignals(ContainerRunner& runner, int64_t grace_seconds, bool& stopped) {
  const Executor executor = co_await async::thisExecutor();
  asio::signal_set signals(executor, SIGTERM, SIGINT);
  while (true) {
    co_await signals.async_wait(asio::use_awaitable);
    stopped = true;
    runner.stop(gracePeriod(grace_seconds));
  }
}

Task<void> stopRankOnWord(ContainerRunner& runner, bool& stopped) {
  const Executor executor = co_await async::thisExecutor();
  asio::posix::stream_descriptor input(executor, ::dup(STDIN_FILENO));
  std::string text;
  std::vector<char> buffer(256);
  while (true) {
    const auto [error, got] = co_await input.async_read_some(asio::buffer(buffer), asio::as_tuple(asio::use_awaitable));
    co_await async::throwIfCancelled();
    if (error) co_return;
    text.append(buffer.data(), got);
    for (size_t end = text.find('\n'); end != std::string::npos; end = text.find('\n')) {
      if (const auto grace = parseStopWord(std::string_view(text).substr(0, end))) {
        stopped = true;
        runner.stop(*grace);
      }
      text.erase(0, end + 1);
    }
    if (text.size() > buffer.size()) text.clear();  // not ours
  }
}

/// The container and all that it stands on, to its end.
Task<int> runContainer(const SupervisorOptions& options, PodContext& context, const Rank& rank, uint32_t restart) {
  const Executor executor = co_await async::thisExecutor();
  const site::v1::Container& container = context.plan.containers(0);
  context.board.updateContainer(container.name(), [&](auto& report) { report.set_restart_count(restart); });
  ContainerRunner runner(context, container, ContainerRunner::Kind::Main, executor);
  bool stopped = false;
  async::TaskGroup group(executor);
  group.spawn("signals", stopRankOnSignals(runner, context.plan.grace_seconds(), stopped));
  group.spawn("word", stopRankOnWord(runner, stopped));
  co_await runner.run();
  co_await group.stop();
  site::v1::Terminated ended;
  ended.set_exit_code(1);
  if (runner.result()) ended = *runner.result();
  // Those that were told to end are not to blame; the first to fail is.
  const bool tell = ended.exit_code() != 0 ? !stopped : rank.id == 0;
  if (tell) {
    const Status told = writeRankEnd(context.directory, container.name(), restart, rank, ended);
    if (!told) log::warn("rank {}: {}", rank.id, told.error().message);
  }
  co_return ended.exit_code();
}

Task<Result<int>> runRank(SupervisorOptions options, std::string container, uint32_t restart) {
  const pod::PodDirectory directory(options.directory);
  const JobFacts facts = factsOf(options);
  const Rank rank{numberOf(options, "SLURM_PROCID"), numberOf(options, "SLURM_NODEID"), facts.node};
  CO_TRY(const site::v1::PodPlan plan, planOfRank(directory, container, rank));
  const SystemClock clock;
  ReportBoard board(plan, directory, clock);
  std::string name = fmt::format("slipway-{}-{}", plan.pod_uid(), plan.attempt());
  // The first node's volumes are the supervisor's.
  PodVolumes first({options.scratch / name, options.memory / name});
  first.attach(plan);
  std::unique_ptr<NodeVolumes> shared;
  if (rank.node_index > 0) {
    name += fmt::format("-node{}", rank.node_index);
    const auto make = [&](PodVolumes& volumes) -> Status {
      TRY_STATUS(volumes.setUp(plan));
      return writeNetworkFiles(plan, volumes.scratch(), facts.pod_ips);
    };
    CO_TRY(shared, NodeVolumes::enter({options.scratch / name, options.memory / name}, rank.id, plan, make));
  }
  PodVolumes& volumes = shared ? shared->volumes() : first;
  CO_TRY_STATUS(checkPrivateDirectory(volumes.scratch().disk));
  CO_TRY_STATUS(checkPrivateDirectory(volumes.scratch().memory));
  const Scratch own{volumes.scratch().disk / fmt::format("rank-{}", rank.id), {}};
  CO_TRY(const auto runtime, runtimeFor(options, plan, own));
  PodContext context{plan,           directory,          board,        *runtime, volumes, clock, facts,
                     options.timing, options.log_limits, std::nullopt, rank};
  co_return co_await runContainer(options, context, rank, restart);
}

Task<void> storeCode(SupervisorOptions options, std::string container, uint32_t restart, int& code) {
  const Result<int> done = co_await runRank(options, container, restart);
  if (done) {
    code = *done;
    co_return;
  }
  log::error("rank: {}", done.error().message);
  site::v1::Terminated failed;
  failed.set_exit_code(code);
  failed.set_reason("ContainerCannotRun");
  failed.set_message(done.error().message);
  const SystemClock clock;
  failed.set_finished_at_ns(
      std::chrono::duration_cast<std::chrono::nanoseconds>(clock.now().time_since_epoch()).count());
  const Rank rank{numberOf(options, "SLURM_PROCID"), numberOf(options, "SLURM_NODEID"), factsOf(options).node};
  const Status told = writeRankEnd(pod::PodDirectory(options.directory), container, restart, rank, failed);
  if (!told) log::error("rank: {}", told.error().message);
}

}  // namespace

int rankMain(const SupervisorOptions& options, const std::string& container, uint32_t restart) {
  log::configure(log::Level::Warn, log::Format::Text);  // stderr is the container's
  int code = 128;
  async::Loop loop;
  loop.run(storeCode(options, container, restart, code), false);
  return code;
}

}  // namespace slipway::supervisor
