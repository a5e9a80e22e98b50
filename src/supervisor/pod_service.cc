#include "supervisor/pod_service.h"

#include "async/deadline.h"
#include "net/tcp.h"
#include "supervisor/exec_session.h"
#include "supervisor/process_tree.h"

namespace slipway::supervisor {

using tunnel::ServerCall;

namespace {

/// Counts as long as it lives.
struct Counted {
  explicit Counted(size_t& count) : count_(count) { ++count_; }
  ~Counted() { --count_; }
  Counted(const Counted&) = delete;
  Counted& operator=(const Counted&) = delete;
  size_t& count_;
};

struct Forget {
  std::map<const void*, uint64_t>& from;
  const void* key;
  ~Forget() { from.erase(key); }
};

}  // namespace

std::shared_ptr<const tunnel::Service> PodService::service() {
  auto out = std::make_shared<tunnel::Service>();
  const auto on = [&](const char* method, Task<Status> (PodService::*handler)(ServerCall&)) {
    out->on(fmt::format("/slipway.site.v1.Pod/{}", method),
            [this, handler](ServerCall& call) { return (this->*handler)(call); });
  };
  on("Watch", &PodService::watch);
  on("Stop", &PodService::stop);
  on("Logs", &PodService::logs);
  on("PortForward", &PodService::portForward);
  on("Stats", &PodService::stats);
  on("UpdateVolumes", &PodService::updateVolumes);
  on("GiveSecrets", &PodService::giveSecrets);
  on("AddContainers", &PodService::addContainers);
  out->on("/slipway.site.v1.Pod/Exec", [this](ServerCall& call) { return serveExec(supervisor_, call); });
  return out;
}

Task<Status> PodService::watch(ServerCall& call) {
  ReportBoard& board = supervisor_.context().board;
  watched_[&call] = 0;
  const Forget forget{watched_, &call};
  int events_sent = 0;
  while (true) {
    site::v1::PodReport report = board.report();
    const uint64_t sequence = report.sequence();
    // Only what this stream has not told yet.
    const int known = board.eventCount();
    const int fresh = std::min(known - events_sent, report.events_size());
    report.mutable_events()->DeleteSubrange(0, report.events_size() - fresh);
    CO_TRY_STATUS(co_await call.send(report.SerializeAsString()));
    events_sent = known;
    watched_[&call] = sequence;
    co_await board.newerThan(sequence);
  }
}

Task<void> PodService::delivered(std::chrono::nanoseconds limit) {
  const SteadyTime end = std::chrono::steady_clock::now() + limit;
  const uint64_t newest = supervisor_.context().board.report().sequence();
  while (std::chrono::steady_clock::now() < end) {
    const bool all =
        std::all_of(watched_.begin(), watched_.end(), [&](const auto& each) { return each.second >= newest; });
    if (all && readers_ == 0) co_return;
    co_await async::sleepFor(std::chrono::milliseconds(20));
  }
}

Task<Status> PodService::stop(ServerCall& call) {
  CO_TRY(const auto request, co_await tunnel::receiveRequest<site::v1::CancelRequest>(call));
  supervisor_.stop(gracePeriod(request.grace_seconds()));
  site::v1::CancelResponse response;
  response.set_existed(true);
  co_return co_await call.send(response.SerializeAsString());
}

Task<Status> PodService::logs(ServerCall& call) {
  CO_TRY(const auto request, co_await tunnel::receiveRequest<site::v1::LogsRequest>(call));
  const Counted counted(readers_);
  co_return co_await sendLog(call, request);
}

Task<Status> PodService::sendLog(ServerCall& call, const site::v1::LogsRequest& request) {
  PodContext& context = supervisor_.context();
  ContainerRunner* runner = supervisor_.find(request.container());
  if (runner == nullptr) co_return failure(Code::NotFound, "container \"{}\" is not in the pod", request.container());
  while (request.follow() && !request.previous() && !runner->log() && !runner->exited()) {
    co_await async::sleepFor(std::chrono::milliseconds(50));
  }
  CO_TRY(auto file, pod::ContainerLogFile::open(context.directory, request, context.clock.now()));
  std::shared_ptr<ContainerLog> live = request.previous() ? nullptr : runner->log();
  // Of an earlier start nothing more comes.
  const auto newest = context.directory.newestLog(request.container(), false);
  if (newest && *newest != file.path()) live.reset();
  while (true) {
    const bool ended = !live || live->ended();
    CO_TRY(const site::v1::LogChunk chunk, file.read());
    if (!chunk.data().empty()) {
      CO_TRY_STATUS(co_await call.send(chunk.SerializeAsString()));
      continue;
    }
    if (file.done() || !request.follow() || ended) co_return Status();
    co_await live->changed();
  }
}

Task<Status> PodService::stats(ServerCall& call) {
  CO_TRY(const auto request, co_await tunnel::receiveRequest<site::v1::StatsRequest>(call));
  site::v1::StatsResponse response;
  response.set_time_ns(supervisor_.context().board.nowNs());
  for (const ContainerRunner* runner : supervisor_.runners()) {
    const ContainerProcess* process = runner->process();
    if (process == nullptr) continue;
    auto* stats = response.add_containers();
    stats->set_name(runner->name());
    const auto* report = findReport(supervisor_.context().board.report(), runner->name());
    if (report != nullptr) stats->set_started_at_ns(report->running().started_at_ns());
    for (const ProcessInfo& each : processesOf(process->instance(), process->pid())) {
      stats->set_cpu_usage_ns(stats->cpu_usage_ns() + each.cpu_ns);
      stats->set_memory_rss(stats->memory_rss() + each.rss_bytes);
    }
    stats->set_memory_working_set(stats->memory_rss());
  }
  co_return co_await call.send(response.SerializeAsString());
}

Task<Status> PodService::updateVolumes(ServerCall& call) {
  CO_TRY(auto request, co_await tunnel::receiveRequest<site::v1::UpdateVolumesRequest>(call));
  CO_TRY_STATUS(supervisor_.updateVolumes(std::move(request)));
  co_return co_await call.send(site::v1::UpdateVolumesResponse().SerializeAsString());
}

Task<Status> PodService::giveSecrets(ServerCall& call) {
  CO_TRY(const auto secrets, co_await tunnel::receiveRequest<site::v1::PodSecrets>(call));
  if (LivePlan* live = supervisor_.context().live) CO_TRY_STATUS(live->give(secrets));
  co_return co_await call.send(site::v1::GiveSecretsResponse().SerializeAsString());
}

Task<Status> PodService::addContainers(ServerCall& call) {
  CO_TRY(const auto request, co_await tunnel::receiveRequest<site::v1::AddContainersRequest>(call));
  for (const auto& container : request.containers()) CO_TRY_STATUS(supervisor_.addEphemeral(container));
  co_return co_await call.send(site::v1::AddContainersResponse().SerializeAsString());
}

namespace {

/// From the port to the caller.
Task<void> portToCaller(net::ByteStream& stream, ServerCall& call, async::Event& done) {
  std::vector<char> buffer(32 * 1024);
  while (true) {
    const auto got = co_await stream.readSome(buffer);
    site::v1::PortData data;
    if (got && *got > 0) {
      data.set_data(buffer.data(), *got);
    } else {
      data.set_closed(true);
      if (!got) data.set_error(got.error().message);
    }
    const Status sent = co_await call.send(data.SerializeAsString());
    if (!sent || data.closed()) break;
  }
  done.set();
}

Task<void> callerToPort(net::ByteStream& stream, ServerCall& call, async::Event& done) {
  while (true) {
    const auto message = co_await call.receive();
    if (!message || !*message) break;
    const auto data = tunnel::parseMessage<site::v1::PortData>(**message);
    if (!data) break;
    if (!data->data().empty()) {
      const Status written = co_await stream.write(data->data());
      if (!written) break;
    }
    if (data->closed()) {
      co_await stream.shutdownWrite();
      co_return;  // the answer may still come
    }
  }
  done.set();
}

}  // namespace

Task<Status> PodService::portForward(ServerCall& call) {
  CO_TRY(const auto first, co_await call.receive());
  if (!first) co_return failure(Code::BadRequest, "port forward: no first message");
  CO_TRY(const auto start, tunnel::parseMessage<site::v1::PortData>(*first));
  if (start.port() < 1 || start.port() > 65535) co_return failure(Code::BadRequest, "{} is not a port", start.port());
  auto dialled = co_await net::dialTcp({"localhost", static_cast<uint16_t>(start.port())});
  if (!dialled) {
    site::v1::PortData refused;
    refused.set_closed(true);
    refused.set_error(fmt::format("dial port {}: {}", start.port(), dialled.error().message));
    co_return co_await call.send(refused.SerializeAsString());
  }
  net::ByteStream& stream = **dialled;
  if (!start.data().empty()) CO_TRY_STATUS(co_await stream.write(start.data()));
  const Executor executor = co_await async::thisExecutor();
  async::Event done;
  async::TaskGroup group(executor);
  group.spawn("port to caller", portToCaller(stream, call, done));
  group.spawn("caller to port", callerToPort(stream, call, done));
  std::exception_ptr cancelled;
  try {
    co_await done.wait();
  } catch (const boost::system::system_error&) {
    cancelled = std::current_exception();
  }
  stream.close();
  co_await asio::this_coro::throw_if_cancelled(false);
  co_await group.stop();
  if (cancelled) std::rethrow_exception(cancelled);
  co_return Status();
}

}  // namespace slipway::supervisor
