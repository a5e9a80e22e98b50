#include "supervisor/rank.h"

#include <signal.h>
#include <unistd.h>

#include <boost/asio/signal_set.hpp>

#include "async/deadline.h"
#include "async/loop.h"
#include "base/guarded_files.h"
#include "base/log.h"
#include "base/strings.h"
#include "pod/secrets.h"
#include "supervisor/container_runner.h"
#include "supervisor/job_facts.h"
#include "supervisor/network_files.h"
#include "supervisor/node_volumes.h"
#include "supervisor/rank_input.h"

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
  // The supervisor has seen to them.
  found.set_image_pull_policy("IfNotPresent");
  for (site::v1::Volume& volume : *plan.mutable_volumes()) {
    if (volume.has_image()) volume.mutable_image()->set_pull_policy("IfNotPresent");
  }
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

constexpr std::chrono::seconds kSecretsDeadline{60};

Task<Result<RankWord>> asResult(Task<std::optional<RankWord>> next) {
  const std::optional<RankWord> word = co_await std::move(next);
  if (!word) co_return failure(Code::ServiceUnavailable, "the supervisor is gone");
  co_return *word;
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

/// Where a rank's volumes are its own to bring up to date: on every node but the first.
struct Heeded {
  ContainerRunner& runner;
  NodeVolumes* volumes = nullptr;
  bool& stopped;
};

Task<void> heedWords(RankInput& input, Heeded heeded) {
  while (true) {
    const std::optional<RankWord> word = co_await input.next();
    if (!word) co_return;
    if (word->stop) {
      heeded.stopped = true;
      heeded.runner.stop(*word->stop);
    }
    if (heeded.volumes == nullptr) continue;
    Status updated;
    if (word->secrets) updated = heeded.volumes->update(word->secrets->volumes());
    if (word->volumes) updated = heeded.volumes->update(word->volumes->volumes());
    if (!updated) log::warn("volumes: {}", updated.error().message);
  }
}

/// What the plan in the directory leaves out comes from the supervisor before anything else.
Task<Status> completePlan(RankInput& input, site::v1::PodPlan& plan) {
  if (!plan.secrets_apart()) co_return Status();
  Task<std::optional<RankWord>> next = input.next();
  const auto first = co_await async::withDeadline(asResult(std::move(next)), kSecretsDeadline, "the pod's secrets");
  if (!first) co_return failure(first.error());
  if (!first->secrets) co_return failure(Code::ServiceUnavailable, "the supervisor gave no secrets");
  pod::putSecrets(plan, *first->secrets);
  co_return Status();
}

/// The container and all that it stands on, to its end.
Task<int> runContainer(PodContext& context, RankInput& input, NodeVolumes* volumes, uint32_t restart) {
  const Rank& rank = *context.rank;
  const Executor executor = co_await async::thisExecutor();
  const site::v1::Container& container = context.plan.containers(0);
  context.board.updateContainer(container.name(), [&](auto& report) { report.set_restart_count(restart); });
  ContainerRunner runner(context, container, ContainerRunner::Kind::Main, executor);
  bool stopped = false;
  async::TaskGroup group(executor);
  group.spawn("signals", stopRankOnSignals(runner, context.plan.grace_seconds(), stopped));
  group.spawn("words", heedWords(input, {runner, volumes, stopped}));
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
  CO_TRY(site::v1::PodPlan plan, planOfRank(directory, container, rank));
  RankInput input(co_await async::thisExecutor(), STDIN_FILENO);
  CO_TRY_STATUS(co_await completePlan(input, plan));
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
  PodContext context{plan,           directory,          board,   *runtime,     volumes, clock, facts,
                     options.timing, options.log_limits, nullptr, std::nullopt, rank};
  co_return co_await runContainer(context, input, shared.get(), restart);
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
