#include "supervisor/pod_supervisor.h"

#include <sys/stat.h>
#include <unistd.h>

#include "base/files.h"
#include "base/log.h"
#include "supervisor/disk_usage.h"
#include "supervisor/network_files.h"
#include "supervisor/rank_input.h"

namespace slipway::supervisor {

using site::v1::PodReport;
using Kind = ContainerRunner::Kind;

namespace {
constexpr std::chrono::seconds kEvictionGrace{1};  // kubelet's for an eviction at once
}

PodSupervisor::PodSupervisor(PodContext context, Executor executor)
    : context_(std::move(context)), executor_(executor), group_(executor) {
  for (const auto& container : context_.plan.init_containers()) {
    const Kind kind = container.restart_always() ? Kind::Sidecar : Kind::Init;
    runners_.push_back(std::make_unique<ContainerRunner>(context_, container, kind, executor_));
  }
  for (const auto& container : context_.plan.containers()) {
    runners_.push_back(std::make_unique<ContainerRunner>(context_, container, Kind::Main, executor_));
  }
}

PodSupervisor::~PodSupervisor() = default;

std::vector<ContainerRunner*> PodSupervisor::runners() const {
  std::vector<ContainerRunner*> out;
  for (const auto& runner : runners_) out.push_back(runner.get());
  for (const ContainerRunner& runner : ephemeral_) out.push_back(const_cast<ContainerRunner*>(&runner));
  return out;
}

ContainerRunner* PodSupervisor::find(std::string_view container) {
  for (ContainerRunner* runner : runners()) {
    if (runner->name() == container) return runner;
  }
  return nullptr;
}

Status PodSupervisor::addEphemeral(site::v1::Container container) {
  if (find(container.name()) != nullptr) return {};
  if (stopping_ || over_) return failure(Code::Conflict, "container {}: the pod ends", container.name());
  const site::v1::Container& plan = ephemeral_plans_.emplace_back(std::move(container));
  context_.board.addContainer(plan, site::v1::ContainerReport::EPHEMERAL);
  ContainerRunner& runner = ephemeral_.emplace_back(context_, plan, Kind::Ephemeral, executor_);
  group_.spawn(runner.name(), runner.run());
  return {};
}

std::chrono::nanoseconds PodSupervisor::graceLeft() const {
  if (!stopping_) return gracePeriod(context_.plan.grace_seconds());
  return std::max<std::chrono::nanoseconds>(stop_deadline_ - context_.clock.steady(), std::chrono::nanoseconds(0));
}

void PodSupervisor::stop(std::chrono::nanoseconds grace, std::string reason, std::string message) {
  const SteadyTime deadline = context_.clock.steady() + grace;
  stop_deadline_ = stopping_ ? std::min(stop_deadline_, deadline) : deadline;
  if (!stopping_) {
    failed_.reason = std::move(reason);
    failed_.message = std::move(message);
  }
  stopping_ = true;
  if (context_.live != nullptr) context_.live->wake();
  for (const auto& runner : runners_) {
    // Sidecars go last: stopSidecars().
    if (runner->kind() != Kind::Sidecar) runner->stop(graceLeft());
  }
  for (ContainerRunner& runner : ephemeral_) runner.stop(graceLeft());
}

Task<void> PodSupervisor::watchDeadline() {
  const int64_t seconds = context_.plan.active_deadline_seconds();
  if (seconds <= 0) co_return;
  const int64_t ran_ns = context_.board.nowNs() - context_.board.report().started_at_ns();
  co_await async::sleepFor(std::chrono::seconds(seconds) - std::chrono::nanoseconds(ran_ns));
  const std::string message = "Pod was active on the node longer than the specified deadline";
  context_.board.event("Normal", "DeadlineExceeded", message);
  stop(gracePeriod(context_.plan.grace_seconds()), "DeadlineExceeded", message);
}

Task<void> PodSupervisor::watchVolumes() {
  const auto limited = [](const site::v1::Volume& each) { return each.empty_dir().size_limit() > 0; };
  const auto& volumes = context_.plan.volumes();
  if (std::none_of(volumes.begin(), volumes.end(), limited)) co_return;
  while (true) {
    co_await async::sleepFor(context_.timing.volume_check);
    for (const site::v1::Volume& each : volumes) {
      if (!limited(each)) continue;
      const int64_t limit = each.empty_dir().size_limit();
      const int64_t used = co_await diskUsage(context_.volumes.pathOf(each.name()));
      if (used <= limit || stopping_) continue;
      const std::string message =
          fmt::format("Usage of EmptyDir volume \"{}\" exceeds the limit \"{}\".", each.name(), binarySize(limit));
      context_.board.event("Warning", "Evicted", message);
      stop(kEvictionGrace, "Evicted", message);
    }
  }
}

void PodSupervisor::applyFsGroup() {
  if (!context_.plan.has_fs_group()) return;
  const auto group = static_cast<gid_t>(context_.plan.fs_group());
  for (const site::v1::Volume& volume : context_.plan.volumes()) {
    if (!volume.has_empty_dir()) continue;
    const std::filesystem::path path = context_.volumes.pathOf(volume.name());
    if (::chown(path.c_str(), static_cast<uid_t>(-1), group) == 0 && ::chmod(path.c_str(), 02777) == 0) continue;
    context_.board.event("Warning", "WorksDifferently",
                         fmt::format("spec.securityContext.fsGroup: {} is no group of this user: the volumes belong to "
                                     "the user's own group, and all containers run as that user",
                                     group));
    return;
  }
}

Task<bool> PodSupervisor::runInits() {
  for (const auto& runner : runners_) {
    if (runner->kind() == Kind::Main) continue;
    if (stopping_) runner->stop(std::chrono::nanoseconds(0));
    if (runner->kind() == Kind::Sidecar) {
      group_.spawn(runner->name(), runner->run());
      co_await runner->startedOrOver();
      continue;
    }
    co_await runner->run();
    if (!runner->result() || runner->result()->exit_code() != 0) co_return false;
  }
  co_return !stopping_;
}

Task<void> PodSupervisor::runMains() {
  for (const auto& runner : runners_) {
    if (runner->kind() == Kind::Main) group_.spawn(runner->name(), runner->run());
  }
  for (const auto& runner : runners_) {
    if (runner->kind() == Kind::Main) co_await runner->over();
  }
}

Task<void> PodSupervisor::stopSidecars() {
  const SteadyTime deadline = context_.clock.steady() + graceLeft();
  for (auto it = runners_.rbegin(); it != runners_.rend(); ++it) {
    ContainerRunner& runner = **it;
    if (runner.kind() != Kind::Sidecar) continue;
    runner.stop(std::max<std::chrono::nanoseconds>(deadline - context_.clock.steady(), std::chrono::nanoseconds(0)));
    co_await runner.over();
  }
}

Task<void> PodSupervisor::stopEphemeral() {
  over_ = true;
  for (ContainerRunner& runner : ephemeral_) runner.stop(graceLeft());
  for (ContainerRunner& runner : ephemeral_) co_await runner.over();
}

PodOutcome PodSupervisor::outcome() const {
  PodOutcome out = failed_;
  out.succeeded = failed_.reason.empty();
  out.exit_code = 0;
  for (const auto& runner : runners_) {
    if (runner->kind() == Kind::Sidecar) continue;
    const int code = runner->result() ? runner->result()->exit_code() : 1;
    if (code == 0) continue;
    out.succeeded = false;
    if (out.exit_code == 0) out.exit_code = code;
  }
  if (!out.succeeded && out.exit_code == 0) out.exit_code = 1;
  return out;
}

Status PodSupervisor::updateVolumes(site::v1::UpdateVolumesRequest update) {
  if (context_.live != nullptr && !context_.live->whole()) {
    return failure(Code::ServiceUnavailable, "pod {}: it waits for its secrets", context_.plan.name());
  }
  if (context_.live != nullptr) context_.live->update(update.volumes());
  for (ContainerRunner* runner : runners()) runner->tellRanks(volumesWord(update));
  return context_.volumes.update(update.volumes());
}

/// False: the pod ends without having begun.
Task<bool> PodSupervisor::planIsWhole() {
  if (context_.live == nullptr) co_return true;
  const Status here = co_await context_.live->arrived([this] { return stopping_; });
  if (!here) {
    context_.board.event("Warning", "SecretsUnavailable", here.error().message);
    failed_ = {false, 1, "SecretsUnavailable", here.error().message};
  }
  co_return here.has_value();
}

Task<PodOutcome> PodSupervisor::run() {
  group_.spawn("deadline", watchDeadline());
  const bool whole = co_await planIsWhole();
  if (!whole) {
    co_await group_.stop();
    co_return failed_;
  }
  Status ready = context_.volumes.setUp(context_.plan);
  if (ready) ready = writeNetworkFiles(context_.plan, context_.volumes.scratch(), context_.facts.pod_ips);
  for (const std::string& each : context_.runtime.shortcomings()) {
    context_.board.event("Warning", "WorksDifferently", each);
  }
  for (const auto& note : context_.plan.notes()) context_.board.event(note.type(), note.reason(), note.message());
  if (!ready) {
    context_.board.event("Warning", "FailedMount", ready.error().message);
    failed_ = {false, 1, "FailedMount", ready.error().message};
    co_await group_.stop();
    co_return failed_;
  }
  applyFsGroup();
  group_.spawn("volumes", watchVolumes());
  const bool initialized = co_await runInits();
  if (initialized) co_await runMains();
  co_await stopSidecars();
  co_await stopEphemeral();
  co_await group_.stop();
  co_return outcome();
}

}  // namespace slipway::supervisor
